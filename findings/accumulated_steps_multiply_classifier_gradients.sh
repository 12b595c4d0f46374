#!/usr/bin/env bash
# transformers 5.23.0, Trainer with gradient_accumulation_steps=N on a sequence classifier: loss and gradient of an
# update are N times those of the same rows in one batch. Trainer leaves the division to a forward that takes
# **kwargs (it would divide by num_items_in_batch), and the classification losses don't. With SGD, or wherever
# max_grad_norm cuts, 16 x 1 and 4 x 4 are different trainings. Seen here: grad_norm four times as large.
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
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

assert transformers.__version__ == "5.23.0"
generator = torch.Generator().manual_seed(0)
rows = [
    {"input_ids": torch.randint(5, 50, (8,), generator=generator), "labels": torch.tensor(number % 2)}
    for number in range(16)
]


def update(batch: int, accumulated: int) -> tuple[float, float]:
    """Loss and gradient norm of the one update that sees all 16 rows."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )
    arguments = TrainingArguments(
        "out", per_device_train_batch_size=batch, gradient_accumulation_steps=accumulated, max_steps=1,
        optim="sgd", logging_steps=1, save_strategy="no", report_to=[], use_cpu=True, max_grad_norm=1e9,
        disable_tqdm=True,
    )
    trainer = Trainer(BertForSequenceClassification(config), arguments, train_dataset=rows)
    trainer.train()
    logged = trainer.state.log_history[0]
    return float(logged["loss"]), float(logged["grad_norm"])


whole, parts = update(16, 1), update(4, 4)
print("16 x 1: loss %.4f, gradient norm %.4f" % whole)
print(" 4 x 4: loss %.4f, gradient norm %.4f" % parts)
assert all(3.9 < split / one < 4.1 for one, split in zip(whole, parts)), "the behaviour has changed"
PY
