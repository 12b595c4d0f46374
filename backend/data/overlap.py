"""Which rows of one split have a text that also stands in another."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Texts(Protocol):
    """Rows of one text, or of two; of a split or of rows that are being read."""

    @property
    def texts(self) -> list[str]:
        """The first text of every row."""

    @property
    def texts_b(self) -> list[str] | None:
        """The second, for pairs."""


def stands_also_in(split: Texts, other: Texts) -> np.ndarray:
    """Whether the very text of each row, or its pair of texts, is that of a row of ``other``: bool (n)."""
    return pc.is_in(_texts(split), value_set=_texts(other)).to_numpy(zero_copy_only=False)


def _texts(split: Texts) -> pa.Array:
    """One value per row, equal where the texts are: the length of the first says where the second begins."""
    first = pa.array(split.texts, pa.large_string())
    if split.texts_b is None:
        return first
    lengths = pc.utf8_length(first).cast(pa.large_string())
    return pc.binary_join_element_wise(
        lengths, first, pa.array(split.texts_b, pa.large_string()), pa.scalar(" ", pa.large_string())
    )
