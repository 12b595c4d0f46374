#!/usr/bin/env bash
# transformers 5.23.0, Trainer: a linear run of 4 updates is resumed from its last checkpoint with max_steps=8. Update 5
# is made with a learning rate of 0 (what the old schedule ended with), only from update 6 on with the new schedule's.
# With logging_steps above 1 no log shows it. One would expect update 5 at the new schedule's rate for it, 5e-4.
# (The optimizer is loaded with the rate it was saved with; the scheduler sets its own after its next step.)
# Seen here: the rates that the optimizer had before updates 5 to 8: 0, 3.75e-4, 2.5e-4, 1.25e-4.
# Runs on its own in a temporary folder; exit 0 as long as the behaviour is this.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3.11 -m venv "$place/env"
"$place/env/bin/pip" install -q torch==2.13.0 transformers==5.23.0 accelerate==1.15.0
cd "$place"
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES= "$place/env/bin/python" - <<'PY'
import torch
import transformers
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainerCallback, TrainingArguments

assert transformers.__version__ == "5.23.0"
rows = [{"input_ids": torch.arange(5, 13), "labels": torch.tensor(number % 2)} for number in range(8)]


class Rates(TrainerCallback):
    def __init__(self) -> None:
        self.seen: dict[int, float] = {}

    def on_pre_optimizer_step(self, args, state, control, optimizer=None, **_) -> None:
        self.seen[state.global_step + 1] = optimizer.param_groups[0]["lr"]


def train(steps: int, resume: str | None) -> dict[int, float]:
    """The rate before every update."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    arguments = TrainingArguments(
        "out", learning_rate=1e-3, per_device_train_batch_size=4, max_steps=steps, logging_steps=2,
        save_steps=4, report_to=[], use_cpu=True, disable_tqdm=True,
    )
    rates = Rates()
    model = BertForSequenceClassification(config)
    Trainer(model, arguments, train_dataset=rows, callbacks=[rates]).train(resume_from_checkpoint=resume)
    return rates.seen


assert train(4, None) == {1: 1e-3, 2: 7.5e-4, 3: 5e-4, 4: 2.5e-4}
seen = train(8, "out/checkpoint-4")
print("rates after resuming:", seen)
assert seen == {5: 0.0, 6: 3.75e-4, 7: 2.5e-4, 8: 1.25e-4}, "the behaviour has changed"
PY
