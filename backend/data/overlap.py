"""Which rows of one split have a text that also stands in another."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backend.data.dataset import Split


def stands_also_in(split: Split, other: Split) -> np.ndarray:
    """Whether the very text of each row, or its pair of texts, is that of a row of ``other``: bool (n)."""
    return pc.is_in(_texts(split), value_set=_texts(other)).to_numpy(zero_copy_only=False)


def _texts(split: Split) -> pa.Array:
    """One value per row, equal where the texts are: the length of the first says where the second begins."""
    first = pa.array(split.texts, pa.string())
    if split.texts_b is None:
        return first
    lengths = pc.utf8_length(first).cast(pa.string())
    return pc.binary_join_element_wise(lengths, first, pa.array(split.texts_b, pa.string()), " ")
