"""Whether the words of a row speak for its label or for another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backend.scores.context import Context
from backend.scores.function_words import content_words
from backend.scores.score import Columns, Producer, Score

if TYPE_CHECKING:  # loaded where it is used: the list of scores must not wait for sklearn
    from backend.scores.token_label import TokenLabels

LEAST_ROWS = 10  # of a class: what the words of fewer rows have in common is chance
_BLOCK = 4096  # rows at a time


def association(found: TokenLabels, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per row, from ``labels`` int64 (n): what its words say.

    The mean of z with its own label minus the largest mean with another label, float64, NaN for a row
    without counted words; that other label, int64; and the word that speaks most for that label against
    its own (its column in ``found``), int64, -1 for none. Classes of fewer than `LEAST_ROWS` rows do not
    speak: they are no other label, and their rows have no value. Function words are counted, but not named.
    """
    speaks = np.bincount(labels, minlength=found.z.shape[1]) >= LEAST_ROWS
    content = content_words(found.words, found.counts.sum(axis=1), len(labels))
    margins = np.full(len(labels), np.nan)
    others, strongest = np.zeros(len(labels), dtype=np.int64), np.full(len(labels), -1, dtype=np.int64)
    for start in range(0, len(labels), _BLOCK):
        part = found.present[start : start + _BLOCK]
        own = labels[start : start + _BLOCK]
        each, counts = np.arange(len(own)), np.diff(part.indptr)
        means = (part @ found.z) / np.maximum(counts, 1)[:, None]
        ahead = means.copy()
        ahead[:, ~speaks] = -np.inf
        ahead[each, own] = -np.inf
        best = ahead.argmax(axis=1)
        heard = (counts > 0) & speaks[own] & np.isfinite(ahead[each, best])
        margins[start + each] = np.where(heard, means[each, own] - ahead[each, best], np.nan)
        others[start + each] = best
        for row in np.flatnonzero(heard).tolist():
            words = part.indices[part.indptr[row] : part.indptr[row + 1]]
            words = words[content[words]]
            leaning = found.z[words, best[row]] - found.z[words, own[row]]
            if len(words) and leaning.max() > 0:
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
        "association_said": [
            _said(context.classes[other], found.words[word] if word >= 0 else None)
            for other, word in zip(others.tolist(), strongest.tolist(), strict=True)
        ],
    }


def _said(label: str, word: str | None) -> str:
    return f"its words speak for {label}" + ("" if word is None else f', most of all "{word}"')


PRODUCER = Producer(
    name="association",
    cost="seconds",
    version=2,
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
            "{association_said}",
            beyond=0.0,
        ),
    ),
)
