"""Which rows have the same text, up to case and white space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def normalised(text: str) -> str:
    """The text without differences of case and white space."""
    return " ".join(text.split()).casefold()


def equal_text_groups(texts: Sequence[str], texts_b: Sequence[str] | None) -> np.ndarray:
    """The group of each row: int64 (n), numbered by first appearance.

    Rows of a group have equal normalised texts, in both columns where there are two.
    """
    seconds = texts_b if texts_b is not None else [""] * len(texts)
    numbers: dict[tuple[str, str], int] = {}
    keys = zip(map(normalised, texts), map(normalised, seconds), strict=True)
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
