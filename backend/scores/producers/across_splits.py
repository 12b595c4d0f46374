"""Training rows whose very text stands in eval with another label."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from backend.data.equal_texts import TextKey, text_keys
from backend.scores.context import Context
from backend.scores.neighbour_votes import APART
from backend.scores.score import Columns, Producer, Score


def _compute(context: Context) -> Columns:
    tested = context.evaluation
    rows: dict[TextKey, list[int]] = {}
    for row, key in enumerate(text_keys(tested.examples)):
        rows.setdefault(key, []).append(row)
    shares, said = np.zeros(len(context.train)), []
    train, differ = context.train, _differ(context)
    for place, (key, label) in enumerate(zip(text_keys(train.examples), train.labels, strict=True)):
        same = rows.get(key, [])
        against = [row for row in same if differ(tested.labels[row], label)]
        shares[place] = len(against) / len(same) if same else 0.0
        said.append(f"eval row {tested.ids[against[0]]}: {tested.labels[against[0]]}" if against else "")
    return {"contradicted_in_eval": shares, "eval_says": said}


def _differ(context: Context) -> Callable[[str, str], bool]:
    """Whether two targets are not the same; numbers must be as far apart as in `contradiction`."""
    if context.space.edit != "number":
        return lambda one, other: one != other
    least = APART * float(context.targets.std(dtype=np.float64))
    return lambda one, other: abs(float(one) - float(other)) > least


PRODUCER = Producer(
    name="across_splits",
    cost="seconds",
    reads_eval=True,
    compute=_compute,
    tasks=None,
    scores=(
        Score(
            "contradicted_in_eval",
            "contradicted in eval",
            "eval rows with its text have another label (0: none has)",
            "suspect label",
            "high",
            "share of the eval rows with equal text that have another label",
            "this project",
            "its text stands in eval with another label ({eval_says})",
            beyond=0.0,
            absolute=True,
        ),
    ),
)
