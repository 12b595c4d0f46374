"""One row of the queue: what speaks against it, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from backend.data.messages import shown_label
from backend.data.rowstate import RowState
from backend.scores.registry import all_scores
from backend.scores.score import LABEL, Score

UNDECIDED = "undecided"
SURE = 0.5  # the probability from which another label is suggested


@dataclass(frozen=True)
class Reason:
    """Why a row is in the queue: a score, its value, the row's rank by it (1: the most suspicious of those
    that it is compared with)."""

    score: str
    value: float
    rank: float
    sentence: str


@dataclass(frozen=True)
class QueueItem:
    """One row of the queue, with the ``label`` in force.

    ``suspicion`` is between 0 and 1; ``confidence`` that of the suggestion. ``asked``: of a language model's
    rows, whose ``text`` is their context, what is read in them.
    """

    rank: int
    id: str
    text: str
    text_b: str | None
    label: str
    group: str | None
    state: str
    suspicion: float
    reasons: list[Reason]
    action: str
    suggested_label: str | None
    confidence: float | None
    asked: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists; ``text`` is what is read, where the row is a conversation."""
        content = asdict(self)
        asked = content.pop("asked")
        return content if asked is None else {**content, "text": asked}

    @property
    def shown(self) -> str:
        """The texts as a person reads them."""
        if self.asked is not None:
            return self.asked
        return self.text if self.text_b is None else f"{self.text} || {self.text_b}"


def reasons_of(speaking: Mapping[str, np.ndarray], row: Mapping[str, Any], place: int) -> list[Reason]:
    """The scores that speak against the row at a 0-based place, strongest first."""
    known = all_scores()
    found = [
        Reason(name, float(row[name]), float(each[place]), sentence(known[name], row))
        for name, each in speaking.items()
        if each[place] > 0
    ]
    return sorted(found, key=lambda each: (-each.rank, each.score))


def sentence(score: Score, row: Mapping[str, Any]) -> str:
    """What the score says about the row; a column without a value leaves the score's own meaning."""
    try:
        values = {
            name: shown_label(each, 160) if isinstance(each, str) else each for name, each in row.items()
        }
        return score.sentence.format_map(values) or score.high
    except (KeyError, TypeError, ValueError):
        return f"{score.title}: among the {score.suspect}est"


def suggestion(
    serves: str, label: str, row: Mapping[str, Any], states: Mapping[str, RowState]
) -> tuple[str, str | None, float | None]:
    """What to do about a row with this label in force: action, new label, how sure.

    Relabel where another label is likelier than not, given text, label and how often classes are confused;
    without that score, where cross-validation is sure of another class; else look. A copy can go where the
    row that it repeats stays and no row that says the same has another label.
    """
    original = row.get("copy_of")
    if serves == "redundant" and original and not row.get("contradiction"):
        return ("flag" if state_of(states, original) == "remove" else "remove"), None, None
    other, probability = row.get("right_label"), row.get("right_probability")
    if not other:
        other, probability = row.get("cv_label"), row.get("cv_probability")
    if serves == LABEL and other not in (None, "", label) and probability is not None and probability >= SURE:
        return "relabel", str(other), float(probability)
    return "flag", None, None


def state_of(states: Mapping[str, RowState], row: str) -> str:
    """What was decided about a row, or `UNDECIDED`."""
    return states[row].action if row in states else UNDECIDED
