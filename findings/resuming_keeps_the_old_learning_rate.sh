#!/usr/bin/env bash
# transformers 5.23.0, Trainer: a run that is resumed with a new learning rate and a new batch size takes the new
# batch size and goes on with the old learning rate. The warning it gives is about the batch size, which holds, not
# about the rate, which does not; the checkpoints that follow still say the old batch size (train_batch_size in
# trainer_state.json), and the epoch, counted anew, jumps.
# One would expect both of the new arguments to hold, or both of the old, and the warning to name what is not done.
# (The rate is in the states of optimizer and scheduler, which are loaded over what the arguments asked for.)
# Seen here: 1e-4 asked, 1e-3 goes on; 8 rows a step, the state says 4; step 2 is epoch 1, step 3 is epoch 3.
# Runs on its own in a temporary folder; exit 0 as long as the behaviour is this.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3.11 -m venv "$place/env"
"$place/env/bin/pip" install -q torch==2.13.0 transformers==5.23.0 accelerate==1.15.0
cd "$place"
HF_HUB_OFFLINE=1 CUDA_VISIBLE_DEVICES= "$place/env/bin/python" - <<'PY'
import json
from pathlib import Path

import torch
import transformers
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

assert transformers.__version__ == "5.23.0"
rows = [{"input_ids": torch.arange(5, 13), "labels": torch.tensor(number % 2)} for number in range(8)]
seen = []


def train(rate: float, batch: int, steps: int, resume: str | None) -> dict:
    """The state that the run's last checkpoint holds."""
    seen.clear()
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    arguments = TrainingArguments(
        "out", learning_rate=rate, per_device_train_batch_size=batch, max_steps=steps, logging_steps=1,
        lr_scheduler_type="constant", save_steps=1, report_to=[], use_cpu=True, disable_tqdm=True,
    )
    model = BertForSequenceClassification(config)
    model.register_forward_pre_hook(lambda _, __, given: seen.append(len(given["input_ids"])), with_kwargs=True)
    Trainer(model, arguments, train_dataset=rows).train(resume_from_checkpoint=resume)
    return json.loads(Path(f"out/checkpoint-{steps}/trainer_state.json").read_text())


train(rate=1e-3, batch=4, steps=2, resume=None)
assert set(seen) == {4}, seen
state = train(rate=1e-4, batch=8, steps=4, resume="out/checkpoint-2")
logged = [(each["step"], each["learning_rate"], each["epoch"]) for each in state["log_history"] if "loss" in each]
print("rows a step after resuming:", set(seen), "- the state says", state["train_batch_size"])
for step, rate, epoch in logged:
    print(f"step {step}: learning rate {rate:g}, epoch {epoch:g}")
assert set(seen) == {8} and state["train_batch_size"] == 4, "the behaviour has changed"
assert [rate for _, rate, _ in logged] == [1e-3] * 4, "the behaviour has changed"
assert [epoch for _, _, epoch in logged] == [0.5, 1.0, 3.0, 4.0], "the behaviour has changed"
PY
