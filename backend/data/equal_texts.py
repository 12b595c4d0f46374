"""Which rows have the same text: the one rule for splits, folds, copies and counts.

Texts are equal up to case, white space and Unicode form (composed or not); of a pair both must be.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Protocol

import numpy as np

TextKey = tuple[str, str]


class Texts(Protocol):
    """Rows of one text, or of two; of a split or of rows that are being read."""

    @property
    def texts(self) -> list[str]:
        """The first text of every row."""

    @property
    def texts_b(self) -> list[str] | None:
        """The second, for pairs."""


def normalised(text: str) -> str:
    """The text without differences of case, white space and Unicode form."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split()).casefold()


def text_key(text: str, text_b: str | None = None) -> TextKey:
    """Equal for rows with the same text, or the same pair of texts."""
    return normalised(text), normalised(text_b) if text_b is not None else ""


def text_keys(rows: Texts) -> list[TextKey]:
    """`text_key` of every row."""
    if rows.texts_b is None:
        return [(normalised(text), "") for text in rows.texts]
    return [text_key(*pair) for pair in zip(rows.texts, rows.texts_b, strict=True)]


def different_texts(rows: Texts, most: int) -> int:
    """How many different texts there are, counted up to ``most``; reads no further than it has to."""
    seconds = rows.texts_b if rows.texts_b is not None else [None] * len(rows.texts)
    found: set[TextKey] = set()
    for key in map(text_key, rows.texts, seconds):
        found.add(key)
        if len(found) >= most:
            break
    return len(found)


def same_texts(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two rows, each of one text or of two, have the same text; a query that is no text has none."""
    return len(one) == len(other) > 0 and text_key(*one) == text_key(*other)


def equal_text_groups(texts: Sequence[str], texts_b: Sequence[str] | None) -> np.ndarray:
    """The group of each row: int64 (n), numbered by first appearance.

    Rows of a group have equal normalised texts, in both columns where there are two.
    """
    seconds = texts_b if texts_b is not None else [None] * len(texts)
    numbers: dict[TextKey, int] = {}
    keys = map(text_key, texts, seconds)
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
