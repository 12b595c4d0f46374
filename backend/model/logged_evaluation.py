"""The evaluation that a Trainer run logged: what its model should come to on the rows it was evaluated on."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.files import read_json
from backend.model.trainer_log import TrainerLog

_ACCURACY = re.compile(r"(^|_)(accuracy|acc)$")
_NOT_TOP_1 = re.compile(r"top_?[2-9k]|balanced")
_RESULTS = ("eval_results.json", "all_results.json")  # of the Trainer scripts in transformers' examples


@dataclass(frozen=True)
class LoggedEvaluation:
    """``accuracy`` and mean ``loss`` of an evaluation, None where none was logged; ``metric``: its name.

    ``step``: when it was, None if it says no step.
    """

    accuracy: float | None
    metric: str | None
    loss: float | None
    step: int | None


def logged_evaluation(run: Path, log: TrainerLog, step: int) -> LoggedEvaluation | None:
    """What was logged at ``step``, else nearest to it, else in the run's result files; None: nothing was."""
    if log.evaluations:
        at, values = min(log.evaluations, key=lambda each: (abs(each[0] - step), -each[0]))
        found = _read(values, at)
        if found is not None:
            return found
    for name in _RESULTS:
        found = _read(read_json(run / name) or {}, None)
        if found is not None:
            return found
    return None


def _read(values: Mapping[str, Any], step: int | None) -> LoggedEvaluation | None:
    known = {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }
    names = sorted(
        (name for name in known if name.startswith("eval_") and _ACCURACY.search(name)),
        key=lambda name: (bool(_NOT_TOP_1.search(name)), len(name), name),
    )
    metric = next((name for name in names if not _NOT_TOP_1.search(name)), None)
    accuracy = known[metric] if metric else None
    if accuracy is not None and 1 < accuracy <= 100:
        accuracy /= 100  # in percent
    if accuracy is not None and not 0 <= accuracy <= 1:
        accuracy = metric = None
    loss = known.get("eval_loss")
    return None if accuracy is None and loss is None else LoggedEvaluation(accuracy, metric, loss, step)
