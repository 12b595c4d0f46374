"""A quick check before retraining: push the last checkpoint away from rows, and see what else moves.

Some steps with a tenth of the run's peak learning rate, of SGD if the run was trained so and else of Adam,
raise the loss of rows to be removed and, for relabelled ones, lower that of the new label (UnTrac, arXiv
2401.15241, unlearns so). The same number of steps on as many random rows of the same classes says what
ascent does by itself. It undoes what the last model knows of the rows, not what they did to it along the way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from backend.data.examples import Examples
from backend.data.labels import class_places
from backend.influence.explain import Explainer
from backend.model.prediction import accepted_inputs, predict
from backend.model.tokenization import Encoded, collate
from backend.model.training_settings import TrainingSettings
from backend.progress import Progress, silent
from backend.retraining.original import run_settings
from backend.tasks.registry import task_of

STEPS = 10
_GENTLE = 0.1  # of the run's rate: at all of it, ascent on any rows breaks the model
_MOST = 1e-4  # Adam moves every weight by its rate, whatever the gradient: rates of other optimizers break it
_BATCH = 32
_EVAL_ROWS = 500
_STAGE = "unlearning check"
Query = tuple[tuple[str, ...], int]
"""Texts and class index."""


def unlearn(
    explainer: Explainer,
    removed: np.ndarray,
    relabelled: np.ndarray,
    labels: np.ndarray,
    queries: Sequence[Query],
    *,
    steps: int = STEPS,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Accuracy on eval and each query's probability before, after, and after the same with random rows."""
    ledger = _Rows(explainer, removed, relabelled, labels)
    progress(_STAGE, 0, 2 * steps)
    before = _Look(explainer, queries)
    start = before.of(explainer.checkpoints.models[-1])
    with explainer.checkpoints.using():
        model = deepcopy(explainer.checkpoints.models[-1]).float()
        decided = before.of(_pushed(explainer, model, ledger.decided(), steps, progress, 0))
        model = deepcopy(explainer.checkpoints.models[-1]).float()
        random = before.of(_pushed(explainer, model, ledger.random(), steps, progress, steps))
    keys = ("before", "after", "random")
    rows = [start, decided, random]
    return {
        "steps": steps,
        "eval": dict(zip(keys, (float(each[0]) for each in rows), strict=True)),
        "queries": [
            dict(zip(keys, (float(each[1][number]) for each in rows), strict=True))
            for number in range(len(queries))
        ],
    }


class _Look:
    """Accuracy on some eval rows and the queries' probabilities under a model."""

    def __init__(self, explainer: Explainer, queries: Sequence[Query]) -> None:
        self._explainer, self._queries = explainer, queries
        split, checkpoints = explainer.splits["eval"], explainer.checkpoints
        chosen = np.random.default_rng(0).permutation(len(split))[:_EVAL_ROWS].tolist()
        rows = split.take(chosen)
        self._eval = checkpoints.encode(rows)
        self._truth = class_places(rows.targets, explainer.classes)
        self._asked = [checkpoints.encode(Examples.one(*texts))[0] for texts, _ in queries]

    def of(self, model: PreTrainedModel) -> tuple[float, list[float]]:
        """Accuracy, and one probability a query."""
        tokenizer = self._explainer.checkpoints.tokenizer
        right = task_of(model).predicted(predict(model, self._eval, tokenizer)) == self._truth
        found = predict(model, self._asked, tokenizer)
        return float(right.mean()), [
            float(row[label]) for row, (_, label) in zip(found, self._queries, strict=True)
        ]


_Signed = list[tuple[Encoded, int, float]]
"""Tokens, class index, and whether its loss is to fall (1) or rise (-1)."""


class _Rows:
    """What is pushed: the decided rows, or as many others of the same classes."""

    def __init__(
        self, explainer: Explainer, removed: np.ndarray, relabelled: np.ndarray, labels: np.ndarray
    ) -> None:
        self._explainer, self._removed, self._relabelled, self._labels = (
            explainer,
            removed,
            relabelled,
            labels,
        )
        self._given = class_places(explainer.train.labels, explainer.classes)

    def decided(self) -> _Signed:
        """Old labels up, new ones down."""
        lost = np.concatenate([self._removed, self._relabelled]).tolist()
        found = [(place, int(self._given[place]), -1.0) for place in lost]
        gained = zip(self._relabelled.tolist(), self._labels.tolist(), strict=True)
        return self._encoded([*found, *((place, label, 1.0) for place, label in gained)])

    def random(self) -> _Signed:
        """Other rows of the same classes, up."""
        lost = np.concatenate([self._removed, self._relabelled])
        counts = np.bincount(self._given[lost], minlength=len(self._explainer.classes))
        order = np.random.default_rng(1).permutation(len(self._given))
        order = order[~np.isin(order, lost)]
        chosen = [order[self._given[order] == label][:count] for label, count in enumerate(counts)]
        places = np.concatenate(chosen).tolist()
        return self._encoded([(place, int(self._given[place]), -1.0) for place in places])

    def _encoded(self, rows: Sequence[tuple[int, int, float]]) -> _Signed:
        examples = self._explainer.train.take(place for place, _, _ in rows)
        encoded = self._explainer.checkpoints.encode(examples)
        return [(e, label, sign) for e, (_, label, sign) in zip(encoded, rows, strict=True) if len(e)]


def _optimizer(model: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    rate = _GENTLE * settings.lr
    if settings.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), lr=rate)
    return torch.optim.Adam(model.parameters(), lr=min(rate, _MOST))


def _pushed(
    explainer: Explainer,
    model: PreTrainedModel,
    rows: _Signed,
    steps: int,
    progress: Progress,
    done: int,
) -> PreTrainedModel:
    """The model after ``steps`` steps; a row whose loss has passed that of guessing is left in peace."""
    if not rows:
        return model
    settings, _ = run_settings(explainer.folder)
    model.requires_grad_(True).eval()
    optimizer = _optimizer(model, settings)
    limit = math.log(len(explainer.classes)) + 1
    random = np.random.default_rng(2)
    for step in range(steps):
        chosen = [rows[each] for each in random.permutation(len(rows))[:_BATCH].tolist()]
        inputs = collate([each for each, _, _ in chosen], explainer.checkpoints.tokenizer, model.device)
        targets = torch.tensor([label for _, label, _ in chosen], device=model.device)
        signs = torch.tensor([sign for _, _, sign in chosen], device=model.device)
        logits = model(**accepted_inputs(model, inputs)).logits.float()
        losses = task_of(model).losses(logits, targets)
        wanted = (signs > 0) | (losses.detach() < limit)
        optimizer.zero_grad()
        (losses * signs * wanted).mean().backward()
        optimizer.step()
        progress(_STAGE, done + step + 1, 2 * steps)
    return model.requires_grad_(False)
