"""Training rows whose very text stands in eval with another label."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

import numpy as np

from backend.data.conversation import Conversation
from backend.data.dataset import Split
from backend.data.equal_texts import text_keys
from backend.data.messages import shown_label
from backend.scores.context import Context
from backend.scores.neighbour_votes import APART
from backend.scores.repeats import answer_of, question_of
from backend.scores.score import Columns, Producer, Score


def _compute(context: Context) -> Columns:
    tested, train = context.evaluation, context.train
    rows: dict[Hashable, list[int]] = {}
    for row, (key, _) in enumerate(_asked(tested)):
        rows.setdefault(key, []).append(row)
    given = [target for _, target in _asked(tested)]
    shares, said = np.zeros(len(train)), []
    differ = _differ(context)
    for place, (key, target) in enumerate(_asked(train)):
        same = rows.get(key, []) if key else []
        against = [row for row in same if differ(given[row], target)]
        shares[place] = len(against) / len(same) if same else 0.0
        said.append(_said(tested, against[0]) if against else "")
    return {"contradicted_in_eval": shares, "eval_says": said}


def _asked(split: Split) -> Iterator[tuple[Hashable, Any]]:
    """What is asked in each row, empty where nothing is, and what is said to it."""
    if split.examples.reading is None:
        return zip(text_keys(split.examples), split.labels, strict=True)
    rows = map(Conversation.of, split.examples.fields[0], split.examples.targets)
    return ((question_of(each), answer_of(each)) for each in rows)


def _said(tested: Split, row: int) -> str:
    if tested.examples.reading is None:
        return (
            f"its text stands in eval with another label (eval row {tested.ids[row]}: {tested.labels[row]})"
        )
    answer = shown_label(tested.labels[row], 80)
    return f"same question, another answer in eval: row {tested.ids[row]} says “{answer}”"


def _differ(context: Context) -> Callable[[Any, Any], bool]:
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
    version=2,
    scores=(
        Score(
            "contradicted_in_eval",
            "contradicted in eval",
            "eval rows with its text have another label (0: none has)",
            "suspect label",
            "high",
            "share of the eval rows with equal text (equal questions) that have another label (are answered "
            "otherwise)",
            "this project",
            "{eval_says}",
            beyond=0.0,
            absolute=True,
        ),
    ),
)
