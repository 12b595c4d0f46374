"""Whether the words of a row speak for its label or for another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backend.scores.context import Context
from backend.scores.score import Columns, Producer, Score

if TYPE_CHECKING:  # loaded where it is used: the list of scores must not wait for sklearn
    from backend.scores.token_label import TokenLabels

_BLOCK = 4096  # rows at a time


def association(found: TokenLabels, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per row, from ``labels`` int64 (n): what its words say.

    The mean of z with its own label minus the largest mean with another label, float64, NaN for a row
    without counted words; that other label, int64; and the word that speaks most for that label against
    its own (its column in ``found``), int64, -1 for none.
    """
    margins = np.full(len(labels), np.nan)
    others, strongest = np.zeros(len(labels), dtype=np.int64), np.full(len(labels), -1, dtype=np.int64)
    for start in range(0, len(labels), _BLOCK):
        part = found.present[start : start + _BLOCK]
        own = labels[start : start + _BLOCK]
        each, counts = np.arange(len(own)), np.diff(part.indptr)
        means = (part @ found.z) / np.maximum(counts, 1)[:, None]
        ahead = means.copy()
        ahead[each, own] = -np.inf
        best = ahead.argmax(axis=1)
        margins[start + each] = np.where(counts > 0, means[each, own] - ahead[each, best], np.nan)
        others[start + each] = best
        for row in np.flatnonzero(counts).tolist():
            words = part.indices[part.indptr[row] : part.indptr[row + 1]]
            leaning = found.z[words, best[row]] - found.z[words, own[row]]
            strongest[start + row] = words[leaning.argmax()]
    return margins, others, strongest


def _compute(context: Context) -> Columns:
    from backend.scores.token_label import token_labels, write_token_labels

    found = token_labels(context.train, context.labels, len(context.classes))
    write_token_labels(context.folder, found)
    margins, others, strongest = association(found, context.labels)
    return {
        "token_association": margins,
        "association_label": [context.classes[each] for each in others.tolist()],
        "association_word": [found.words[each] if each >= 0 else "" for each in strongest.tolist()],
    }


PRODUCER = Producer(
    name="association",
    cost="seconds",
    compute=_compute,
    scores=(
        Score(
            "token_association",
            "words and label",
            "its words are those of its label (below 0: those of another)",
            "suspect label",
            "low",
            "mean of z(word, y) - max over k != y of mean of z(word, k)",
            "Gardner et al. 2021 (z-statistics)",
            'its words speak for {association_label}, most of all "{association_word}"',
            beyond=0.0,
        ),
    ),
)
