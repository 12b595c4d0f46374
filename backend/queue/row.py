"""All scores of one training row: what each says, and where the row stands among the others."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from backend.queue.queue import speaks
from backend.queue.queue_item import sentence
from backend.scores.registry import all_scores
from backend.scores.score import Score
from backend.scores.table import ScoreTable


@dataclass(frozen=True)
class RowScore:
    """One score of one row.

    ``value`` is NaN and ``above`` None where the row has none. ``above``: share of the rows with a value that
    have a lower one. ``is_reason``: it speaks against the row, as in the queue; only then there is a
    ``sentence``, since sentences are written for the end that asks for a look.
    """

    score: Score
    value: float
    above: float | None
    is_reason: bool
    sentence: str


def row_scores(table: ScoreTable, classes: np.ndarray, place: int) -> list[RowScore]:
    """Every current score of the row at a 0-based place, in the order of the registry.

    ``classes``: a number for the label of each row, int (n).
    """
    row = table.table.slice(place, 1).to_pylist()[0]
    return [_of(score, table, classes, place, row) for score in present(table)]


def present(table: ScoreTable) -> list[Score]:
    """The scores that have been computed, in the order of the registry."""
    return [each for each in all_scores().values() if each.name in table.names]


def _of(score: Score, table: ScoreTable, classes: np.ndarray, place: int, row: dict[str, object]) -> RowScore:
    values = table.values(score.name)
    value = float(values[place])
    if not math.isfinite(value):
        return RowScore(score, math.nan, None, False, "This row has no value.")
    known = values[np.isfinite(values)]
    above = float((known < value).mean())
    is_reason = score.is_reason and bool(speaks(score, table, classes)[place] > 0)
    return RowScore(score, value, above, is_reason, sentence(score, row) if is_reason else "")
