"""The tokens of a rendered text, and which of them are of which turn's text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerBase

from backend.model.chat_rendering import Piece
from backend.model.encoded import SPECIAL
from backend.model.quiet import quiet


@dataclass(frozen=True)
class Cut:
    """A rendered text in tokens: ``starts``, ``ends`` int64 (n), characters that each covers (its last one
    where the tokenizer leaves white space out); ``added`` bool (n), by the tokenizer itself."""

    ids: Sequence[int]
    starts: np.ndarray
    ends: np.ndarray
    added: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def tokenised(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], special: bool) -> list[Cut]:
    """All tokens of each text; ``special``: with those that the tokenizer adds."""
    if not texts:
        return []
    with quiet():  # about rows longer than the model reads, which are cut
        made = tokenizer(
            list(texts), add_special_tokens=special, return_offsets_mapping=True, padding=False, verbose=False
        )
    found = []
    for row in range(len(texts)):
        offsets = np.array(made["offset_mapping"][row], dtype=np.int64).reshape(-1, 2)
        added = np.array([each is None for each in made.sequence_ids(row)], dtype=bool)
        starts, ends = offsets[:, 0], offsets[:, 1]
        found.append(Cut(made["input_ids"][row], np.where(starts == ends, ends - 1, starts), ends, added))
    return found


@dataclass(frozen=True)
class Placed:
    """Of each token the turn whose text it is of, `SPECIAL` where it is of none, and its characters there:
    int64 (n) each. One of two turns counts as the later one's."""

    turns: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, cut: Cut, pieces: Sequence[Piece]) -> Placed:
        """Of a text of which ``pieces`` are turns' own."""
        if not pieces:
            nothing = np.zeros(len(cut), dtype=np.int64)
            return cls(nothing + SPECIAL, nothing, nothing)
        table = np.array([[each.start, each.end, each.turn, each.shift] for each in pieces], dtype=np.int64)
        place = np.searchsorted(table[:, 0], cut.ends - 1, side="right") - 1
        start, end, turn, shift = table[np.maximum(place, 0)].T
        own = (place >= 0) & (end > cut.starts) & ~cut.added
        starts = np.where(own, np.maximum(cut.starts, start) - start + shift, 0)
        ends = np.where(own, np.minimum(cut.ends, end) - start + shift, 0)
        return cls(np.where(own, turn, SPECIAL), starts, ends)
