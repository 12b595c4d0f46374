"""The rows of a split that have one given text: looked up, for a page asks for many of a million rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.data.dataset import Split
from backend.data.equal_texts import text_key, text_keys


class RowsByText:
    """A split by the text of its rows, or their pair of texts, as `backend.data.equal_texts` has it.

    Holds 16 bytes a row and not the split: the hashes of the texts in order (int64), and their places.
    """

    def __init__(self, split: Split) -> None:
        hashes = np.fromiter(map(hash, text_keys(split.examples)), dtype=np.int64, count=len(split))
        self._places = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._places]

    def places(self, split: Split, texts: Sequence[str]) -> list[int]:
        """Places of the rows whose text, or pair of texts, is ``texts``; ascending."""
        wanted = text_key(*texts)
        first, end = (np.searchsorted(self._hashes, hash(wanted), side) for side in ("left", "right"))
        found = self._places[first:end].tolist()
        return [place for place in found if text_key(*split.texts_of(place)) == wanted]
