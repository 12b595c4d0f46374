"""The gradients of one example, as questions and searches take them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from backend.model.encoded import Encoded


@dataclass(frozen=True)
class TracedExample:
    """One example's gradients in every channel: at every checkpoint, on every side.

    ``encoded`` is the text, of L tokens, and behind it for an encoder-decoder what its decoder reads first,
    where the text lacks it (T5). ``slots`` int64 (L): which of the distinct tokens stands at a position, -1
    where none is traced. ``tokens`` int64 (T): the distinct tokens. ``position_rows`` float32 (C, L, d): the
    gradient at each position in each of C channels, times the checkpoint's weight. ``norm`` is the root of
    its plain self-influence I(q, q).
    """

    encoded: Encoded
    slots: np.ndarray
    tokens: np.ndarray
    position_rows: np.ndarray
    norm: float

    def changed(self, change: Callable[[int, np.ndarray], np.ndarray]) -> TracedExample:
        """This example with its position rows (L, d) in each channel mapped by a linear ``change``."""
        rows = [change(number, each) for number, each in enumerate(self.position_rows)]
        return replace(self, position_rows=np.stack(rows).astype(np.float32))

    def on(self, channels: np.ndarray) -> TracedExample:
        """This example with nothing but 0 in other channels than ``channels``, bool (C)."""
        return self.changed(lambda number, rows: rows if channels[number] else np.zeros_like(rows))

    @cached_property
    def rows(self) -> np.ndarray:
        """Gradients summed over the positions of each distinct token: float32 (C, T, d)."""
        return token_sums(self.slots, len(self.tokens), self.position_rows)

    def slot_table(self, vocabulary: int) -> np.ndarray:
        """Slot of every token of the vocabulary, -1 where this example lacks it: int64 (vocabulary)."""
        table = np.full(vocabulary, -1, dtype=np.int64)
        table[self.tokens] = np.arange(len(self.tokens))
        return table


def token_sums(slots: np.ndarray, count: int, position_rows: np.ndarray) -> np.ndarray:
    """Sums of ``position_rows`` (C, L, d) over the positions of each of ``count`` slots: float32 (C, count,
    d)."""
    belongs = (slots == np.arange(count)[:, None]).astype(np.float32)  # (count, L); a product beats np.add.at
    return belongs @ position_rows


def norm_of(slots: np.ndarray, tokens: np.ndarray, position_rows: np.ndarray, weights: np.ndarray) -> float:
    """Root of ``sum_c eta_c |G_c|^2``; the rows are already times eta, ``weights`` (C), so they are divided
    by it once."""
    total = 0.0
    sums = token_sums(slots, len(tokens), position_rows)
    for rows, weight in zip(sums, weights, strict=True):
        total += float(np.sum(rows.astype(np.float64) ** 2)) / weight if weight > 0 else 0.0
    return total**0.5
