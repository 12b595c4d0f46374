"""Which rows have the same text: the one rule for splits, folds, copies and counts.

Texts are equal up to case, white space and Unicode form (composed or not); of a pair both must be.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np

from backend.data.examples import Examples

TextKey = tuple[str, ...]


def normalised(text: str) -> str:
    """The text without differences of case, white space and Unicode form."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split()).casefold()


def text_key(*fields: str) -> TextKey:
    """Equal for rows with the same text, or the same pair of texts."""
    return tuple(map(normalised, fields))


def text_keys(rows: Examples) -> Iterator[TextKey]:
    """`text_key` of every row."""
    return map(text_key, *rows.fields)


def different_texts(rows: Examples, most: int) -> int:
    """How many different texts there are, counted up to ``most``; reads no further than it has to."""
    found: set[TextKey] = set()
    for key in text_keys(rows):
        found.add(key)
        if len(found) >= most:
            break
    return len(found)


def same_texts(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two rows, each of one text or of two, have the same text; a query that is no text has none."""
    return len(one) == len(other) > 0 and text_key(*one) == text_key(*other)


def equal_text_groups(rows: Examples) -> np.ndarray:
    """The group of each row: int64 (n), numbered by first appearance.

    Rows of a group have equal normalised texts, in both fields where there are two.
    """
    numbers: dict[TextKey, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in text_keys(rows)], dtype=np.int64)
