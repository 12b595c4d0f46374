"""Whether the words of a row stand in rows with numbers as high, or as low, as its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backend.scores.context import Context
from backend.scores.function_words import content_words
from backend.scores.score import Columns, Producer, Score

if TYPE_CHECKING:  # loaded where it is used: the list of scores must not wait for sklearn
    from backend.scores.token_label import TokenLabels

_ROWS_MORE = 5.0  # at the mean: a word that few rows have says little


def word_leanings(found: TokenLabels, numbers: np.ndarray) -> np.ndarray:
    """What the other rows with a row's words say: float64 (n), NaN for a row without counted words.

    The mean over its words of how far the other rows with the word are above the mean of all (`_ROWS_MORE`
    rows more at that mean); in standard deviations of these over the rows.
    """
    values = numbers.astype(np.float64) - numbers.mean(dtype=np.float64)
    present = found.present
    counts, sums = np.asarray(present.sum(axis=0)).ravel(), present.T @ values
    rows = np.repeat(np.arange(len(values)), np.diff(present.indptr))
    of_word = (sums[present.indices] - values[rows]) / (counts[present.indices] - 1 + _ROWS_MORE)
    heard = np.diff(present.indptr)
    total = np.bincount(rows, of_word, minlength=len(values))
    mean = np.divide(total, heard, out=np.full(len(values), np.nan), where=heard > 0)
    spread = float(np.nanstd(mean)) if (heard > 0).any() else 0.0
    return mean / spread if spread > 0 else np.where(heard > 0, 0.0, np.nan)


def _compute(context: Context) -> Columns:
    from backend.scores.token_label import token_numbers, write_token_labels

    numbers = context.targets.astype(np.float64)
    found = token_numbers(context.train, numbers)
    write_token_labels(context.folder, found)
    leanings = word_leanings(found, numbers)
    own = (numbers - numbers.mean()) / (numbers.std() or 1.0)
    strongest = _strongest(found, np.sign(leanings))
    return {
        "number_words": leanings * own,
        "number_words_said": [
            _said(leaning, found.words[word] if word >= 0 else None)
            for leaning, word in zip(leanings.tolist(), strongest.tolist(), strict=True)
        ],
    }


def _strongest(found: TokenLabels, sides: np.ndarray) -> np.ndarray:
    """The content word of each row that speaks most for a side, 1 high and -1 low: int64 (n), -1 for none."""
    present = found.present
    content = content_words(found.words, np.asarray(present.sum(axis=0)).ravel(), len(sides))
    best = np.full(len(sides), -1, dtype=np.int64)
    for row in np.flatnonzero(np.diff(present.indptr)).tolist():
        words = present.indices[present.indptr[row] : present.indptr[row + 1]]
        words = words[content[words]]
        leaning = found.z[words, 0] * sides[row]
        if len(words) and leaning.max() > 0:
            best[row] = words[leaning.argmax()]
    return best


def _said(leaning: float, word: str | None) -> str:
    side = "higher" if leaning > 0 else "lower"
    return f"its words stand in rows with {side} numbers" + (
        "" if word is None else f', most of all "{word}"'
    )


PRODUCER = Producer(
    name="number_words",
    cost="seconds",
    compute=_compute,
    tasks=("regression",),
    scores=(
        Score(
            "number_words",
            "words and number",
            "its words are those of rows with numbers on its side of the mean (below 0: on the other)",
            "suspect label",
            "low",
            "(y - mean) / sd * mean over its words of the mean of the other rows with the word, standardised",
            "Gardner et al. 2021 (z-statistics), of numbers",
            "{number_words_said}",
            beyond=0.0,
        ),
    ),
)
