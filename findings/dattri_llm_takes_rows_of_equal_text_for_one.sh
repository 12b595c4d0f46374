#!/usr/bin/env bash
# dattri-llm 0.1.0: rows of scores are named by a digest of a row's inputs, in which its label is not. Training rows
# with the same text are one row to `agnostic_matrix`, `trajectory_agnostic` and every other look-up: their scores
# are added up. A text that stands in the data twice has twice the score of one that stands there once; of a text
# that stands there with two labels, which is what somebody who looks for wrong labels wants to see, the two scores
# cancel, and neither can be asked for by itself. Nothing is warned about.
# Seen: alone -0.635; twice with the same label -1.270; with each label once -0.382; two names in all three cases.
set -euo pipefail
home=$(mktemp -d); trap 'rm -rf "$home"' EXIT
python3.11 -m venv "$home/venv"
"$home/venv/bin/pip" install -q torch==2.13.0 transformers==5.23.0 accelerate==1.15.0 dattri-llm==0.1.0
cd "$home"
OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 venv/bin/python - <<'PY'
import tempfile

import dattri_llm
import torch
from torch import nn
from torch.utils.data import Dataset


class Rows(Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, at):
        tokens, label = self.rows[at]
        return {"input_ids": torch.tensor(tokens), "labels": torch.tensor(label)}


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.words, self.head = nn.Embedding(10, 4), nn.Linear(4, 2)

    def forward(self, input_ids):
        return self.head(self.words(input_ids).mean(1))


def loss(model, batch, *_):
    return nn.functional.cross_entropy(model(batch["input_ids"]), batch["labels"], reduction="sum")


def scores(rows):
    """How many names the training rows have, and the score of the first for one query."""
    model = Classifier()
    task = dattri_llm.AttributionTask(loss, model, checkpoints=[model.state_dict()])
    with tempfile.TemporaryDirectory() as scratch:
        arguments = dattri_llm.AttributionArguments(
            scratch, per_device_train_batch_size=2, per_device_eval_batch_size=2, use_cpu=True
        )
        found = dattri_llm.TracInAttributor(arguments, task=task).attribute(
            Rows(rows), Rows([((1, 2, 3), 0)]), hook_config=dattri_llm.HookManagerConfig(linear_io=["head$"])
        )
    names, matrix = found.agnostic_matrix()
    return len(names), matrix[0].item()


text, other = (1, 2, 4), ((5, 6, 7), 0)
alone = scores([(text, 1), other])
right = scores([(text, 0), other])
twice = scores([(text, 1), (text, 1), other])
both = scores([(text, 1), (text, 0), other])
print(f"alone {alone}, twice {twice}, with two labels {both}")
assert alone[0] == twice[0] == both[0] == 2, "rows of equal text have names of their own"
assert abs(twice[1] - 2 * alone[1]) < 1e-5
assert abs(both[1] - alone[1] - right[1]) < 1e-5 and right[1] > 0 > alone[1]
PY
