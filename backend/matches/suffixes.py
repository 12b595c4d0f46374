"""All places of a long sequence, sorted by what follows."""

from __future__ import annotations

import numpy as np

END = 0
"""The symbol behind each text: nothing goes on past it."""


def suffix_order(symbols: np.ndarray) -> np.ndarray:
    """Places 0 to n - 1 by the symbols from there on: int64 (n), from non-negative ints (n).

    Two places are compared up to the `END` of either. Prefix doubling (Manber and Myers 1993), in which only
    places that are still tied are sorted again (Larsson and Sadakane 1999): O(n log n) sorts at worst, 40
    bytes a symbol.
    """
    n = len(symbols)
    keys = np.where(symbols == END, np.arange(n), symbols.astype(np.int64) + n)
    order = np.argsort(keys)
    rank = np.empty(n, dtype=np.int64)
    tied, step = _ranked(keys[order], np.arange(n), order, rank), 1
    while len(tied):
        places = order[tied]
        further = places + step  # never past the end: the last symbol, `END`, is tied with none
        keys = rank[places] * np.int64(n) + rank[further]
        by = np.argsort(keys)
        order[tied] = places[by]
        tied, step = _ranked(keys[by], tied, order, rank), 2 * step
    return order


def _ranked(keys: np.ndarray, slots: np.ndarray, order: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Write the ranks of what lies in ``slots`` of the order, sorted by ``keys``; the slots still tied.

    A rank is the first slot of those that are equal so far.
    """
    first = np.ones(len(keys), dtype=bool)
    first[1:] = keys[1:] != keys[:-1]
    begins = np.maximum.accumulate(np.where(first, np.arange(len(keys)), 0))
    rank[order[slots]] = slots[begins]
    alone = first.copy()
    alone[:-1] &= first[1:]
    return slots[~alone]
