"""Whether the words of a row speak against a label that it has, or for one that it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backend.data.messages import shown_label
from backend.scores.context import Context
from backend.scores.function_words import content_words
from backend.scores.producers.association import LEAST_ROWS
from backend.scores.score import Columns, Producer, Score

if TYPE_CHECKING:  # loaded where it is used: the list of scores must not wait for sklearn
    from backend.scores.token_label import TokenLabels

_BLOCK = 4096  # rows at a time


def set_association(
    found: TokenLabels, sets: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per row, from ``sets`` float (n, K): what its words say.

    The least mean of z with a label that it has minus the largest with one that it lacks (0 where there is no
    such label), float64, NaN for a row without counted words; these two labels, int64, -1 for none; and the
    content word that speaks most for the second against the first (its column in ``found``), -1 for none.
    Labels of fewer than `LEAST_ROWS` rows do not speak.
    """
    count, speaks = len(sets), sets.sum(axis=0) >= LEAST_ROWS
    content = content_words(found.words, np.asarray(found.present.sum(axis=0)).ravel(), count)
    margins = np.full(count, np.nan)
    against, towards, strongest = (np.full(count, -1, dtype=np.int64) for _ in range(3))
    for start in range(0, count, _BLOCK):
        part, given = found.present[start : start + _BLOCK], sets[start : start + _BLOCK] > 0
        heard = np.diff(part.indptr)
        means = (part @ found.z) / np.maximum(heard, 1)[:, None]
        own, least = _best(-means, given & speaks)
        other, most = _best(means, ~given & speaks)
        rows = start + np.arange(len(given))
        margins[rows] = np.where(heard > 0, -least - most, np.nan)
        against[rows], towards[rows] = own, other
        for row in np.flatnonzero(heard).tolist():
            words = part.indices[part.indptr[row] : part.indptr[row + 1]]
            words = words[content[words]]
            leaning = _leaning(found.z[words], own[row], other[row])
            if len(words) and leaning.max() > 0:
                strongest[start + row] = words[leaning.argmax()]
    return margins, against, towards, strongest


def _best(values: np.ndarray, allowed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place and value of the largest that is allowed, -1 and 0 for none: int64 and float64 (B)."""
    kept = np.where(allowed, values, -np.inf)
    place, some = kept.argmax(axis=1), allowed.any(axis=1)
    return np.where(some, place, -1), np.where(some, kept.max(axis=1), 0.0)


def _leaning(z: np.ndarray, own: int, other: int) -> np.ndarray:
    """How much each word, with z (w, K), speaks for the one label against the other: float64 (w)."""
    return (z[:, other] if other >= 0 else 0.0) - (z[:, own] if own >= 0 else 0.0) + np.zeros(len(z))


def _compute(context: Context) -> Columns:
    from backend.scores.token_label import token_labels, write_token_labels

    found = token_labels(context.train, context.targets, len(context.classes))
    write_token_labels(context.folder, found)
    margins, against, towards, strongest = set_association(found, context.targets)
    names = context.classes
    return {
        "label_words": margins,
        "label_words_said": [
            _said(
                names[own] if own >= 0 else None,
                names[other] if other >= 0 else None,
                found.words[word] if word >= 0 else None,
            )
            for own, other, word in zip(against.tolist(), towards.tolist(), strongest.tolist(), strict=True)
        ],
    }


def _said(own: str | None, other: str | None, word: str | None) -> str:
    parts = [f"for {shown_label(other)}" if other else "", f"against {shown_label(own)}" if own else ""]
    said = "its words speak " + " and ".join(each for each in parts if each)
    return said + ("" if word is None else f', most of all "{word}"')


PRODUCER = Producer(
    name="label_words",
    cost="seconds",
    compute=_compute,
    tasks=("multilabel",),
    scores=(
        Score(
            "label_words",
            "words and label set",
            "its words are those of the labels that it has (below 0: of one that it lacks)",
            "suspect label",
            "low",
            "min over its labels of mean of z(word, l) - max over the other labels of mean of z(word, l)",
            "Gardner et al. 2021 (z-statistics)",
            "{label_words_said}",
            beyond=0.0,
        ),
    ),
)
