"""Words that hold sentences together and say nothing by themselves: never named as a reason."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

COMMON = 0.15  # of the rows have it: in any language, such a word tells no text from another
# What scikit-learn's English list has beside function words: things, and negations, which turn a meaning.
_MEANINGFUL = frozenset(
    (
        *("bill", "cry", "fire", "interest", "sincere", "system", "cannot", "cant", "couldnt", "hasnt"),
        *("never", "no", "nobody", "none", "noone", "nor", "not", "nothing", "without"),
    )
)


def content_words(words: Sequence[str], rows_with: np.ndarray, rows: int) -> np.ndarray:
    """Which of the lower-cased ``words`` may be named as a reason: bool (V).

    Not English function words, single characters, or words that `COMMON` of all rows have. ``rows_with``:
    how many of the ``rows`` have each word, (V).
    """
    telling = [len(word) > 1 and word not in _english() for word in words]
    return np.array(telling, dtype=bool) & (rows_with < COMMON * rows)


# And what it lacks.
_FURTHER = frozenset(
    [
        "just",
        "really",
        "quite",
        "did",
        "does",
        "doing",
        "its",
        "it's",
        "i'm",
        "i've",
        "i'd",
        "i'll",
        "you're",
        "you've",
        "we're",
        "we've",
        "they're",
        "that's",
        "there's",
        "what's",
        "he's",
        "she's",
        "who's",
        "let's",
        "im",
        "ive",
        "ll",
        "re",
        "ve",
    ]
)


@cache
def _english() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS  # it loads slowly

    return (frozenset(ENGLISH_STOP_WORDS) | _FURTHER) - _MEANINGFUL
