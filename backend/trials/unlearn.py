"""A quick check before retraining: push the last checkpoint away from rows, and see what else moves.

Some steps with a tenth of the run's peak learning rate, of SGD if the run was trained so and else of Adam,
raise the loss of rows to be removed and, for relabelled ones, lower that of the new target (UnTrac, arXiv
2401.15241, unlearns so). The same number of steps on as many random rows of the same strata says what
ascent does by itself. It undoes what the last model knows of the rows, not what they did to it along the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from backend.data.examples import Examples
from backend.influence.answers.explain import Explainer
from backend.model.model_inputs import accepted_inputs
from backend.model.prediction import predict
from backend.model.tokenization import Encoded, collate
from backend.model.training_settings import TrainingSettings
from backend.progress import Progress, silent
from backend.tasks.registry import task_of
from backend.trials.original import run_settings
from backend.trials.question import choice_named

STEPS = 10
_GENTLE = 0.1  # of the run's rate: at all of it, ascent on any rows breaks the model
_MOST = 1e-4  # Adam moves every weight by its rate, whatever the gradient: rates of other optimizers break it
_BATCH = 32
_EVAL_ROWS = 500
_STAGE = "unlearning check"
Query = tuple[tuple[str, ...], str]
"""Texts, and the name of what is followed."""


def unlearn(
    explainer: Explainer,
    removed: np.ndarray,
    relabelled: np.ndarray,
    targets: np.ndarray,
    queries: Sequence[Query],
    *,
    steps: int = STEPS,
    progress: Progress = silent,
) -> dict[str, Any]:
    """The task's headline figure on eval and what each query is given, a probability or a number: before,
    after, and after the same with random rows. ``targets``: new ones of relabelled rows, as numbers."""
    ledger = _Rows(explainer, removed, relabelled, targets)
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
    """A figure of some eval rows, and what the queries are given under a model."""

    def __init__(self, explainer: Explainer, queries: Sequence[Query]) -> None:
        self._explainer, self._queries = explainer, queries
        split, checkpoints = explainer.splits["eval"], explainer.checkpoints
        chosen = np.random.default_rng(0).permutation(len(split))[:_EVAL_ROWS].tolist()
        self._rows = split.take(chosen)
        self._eval = checkpoints.encode(self._rows)
        self._asked = [checkpoints.encode(Examples.one(*texts))[0] for texts, _ in queries]

    def of(self, model: PreTrainedModel) -> tuple[float, list[float]]:
        """The figure, and one value a query."""
        explainer = self._explainer
        tokenizer, task, space = explainer.checkpoints.tokenizer, explainer.task, explainer.space
        figures = task.figures(space, predict(model, self._eval, tokenizer), list(self._rows.targets))
        found = predict(model, self._asked, tokenizer)
        return next(each.value for each in figures if each.name == task.headline), [
            choice_named(space, label, row).value
            for row, (_, label) in zip(found, self._queries, strict=True)
        ]


_Signed = list[tuple[Encoded, np.ndarray, float]]
"""Tokens, target as a number, and whether its loss is to fall (1) or rise (-1)."""


class _Rows:
    """What is pushed: the decided rows, or as many others of the same strata."""

    def __init__(
        self, explainer: Explainer, removed: np.ndarray, relabelled: np.ndarray, targets: np.ndarray
    ) -> None:
        self._explainer = explainer
        self._lost, self._relabelled, self._targets = (
            np.concatenate([removed, relabelled]),
            relabelled,
            targets,
        )
        self._given = explainer.numbers("train")

    def decided(self) -> _Signed:
        """Old targets up, new ones down."""
        found = [(place, self._given[place], -1.0) for place in self._lost.tolist()]
        gained = zip(self._relabelled.tolist(), self._targets, strict=True)
        return self._encoded([*found, *((place, target, 1.0) for place, target in gained)])

    def random(self) -> _Signed:
        """Other rows of the same strata, up."""
        strata = self._explainer.space.strata(self._explainer.train.labels)
        counts = np.bincount(strata[self._lost])
        order = np.random.default_rng(1).permutation(len(strata))
        order = order[~np.isin(order, self._lost)]
        chosen = [order[strata[order] == each][:count] for each, count in enumerate(counts)]
        places = np.concatenate(chosen).tolist()
        return self._encoded([(place, self._given[place], -1.0) for place in places])

    def _encoded(self, rows: Sequence[tuple[int, np.ndarray, float]]) -> _Signed:
        examples = self._explainer.train.take(place for place, _, _ in rows)
        encoded = self._explainer.checkpoints.encode(examples)
        return [(e, target, sign) for e, (_, target, sign) in zip(encoded, rows, strict=True) if len(e)]


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
    """The model after ``steps`` steps; a row that the model knows nothing of any more is left in peace."""
    if not rows:
        return model
    settings, _ = run_settings(explainer.folder)
    model.requires_grad_(True).eval()
    optimizer = _optimizer(model, settings)
    limit = explainer.task.unknown(explainer.numbers("train"), len(explainer.space.names))
    random = np.random.default_rng(2)
    for step in range(steps):
        chosen = [rows[each] for each in random.permutation(len(rows))[:_BATCH].tolist()]
        inputs = collate([each for each, _, _ in chosen], explainer.checkpoints.tokenizer, model.device)
        targets = torch.from_numpy(np.stack([target for _, target, _ in chosen])).to(model.device)
        signs = torch.tensor([sign for _, _, sign in chosen], device=model.device)
        logits = model(**accepted_inputs(model, inputs)).logits.float()
        losses = task_of(model).losses(logits, targets)
        wanted = (signs > 0) | (losses.detach() < limit)
        optimizer.zero_grad()
        (losses * signs * wanted).mean().backward()
        optimizer.step()
        progress(_STAGE, done + step + 1, 2 * steps)
    return model.requires_grad_(False)
