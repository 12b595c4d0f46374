"""In how many rows a match is, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from backend.matches.index import MatchIndex


@dataclass(frozen=True)
class Count:
    """``times`` in all, in so many ``rows``."""

    rows: int
    times: int


@dataclass(frozen=True)
class Tally:
    """``answers``: in turns that the model learns to write; ``read``: in prompts, system texts, tools.

    ``rows``: in how many rows, wherever in them.
    """

    rows: int
    answers: Count
    read: Count


def tally(index: MatchIndex, places: np.ndarray, times: np.ndarray, skipped: int | None) -> Tally:
    """Of places of ``index.symbols``, which count ``times`` each, in all rows but ``skipped``."""
    texts = len(index.begins) - 1
    in_text = np.bincount(index.texts_at(places), times, texts).astype(np.int64)
    in_turn = in_text[index.text]
    if skipped is not None:
        in_turn[index.row == skipped] = 0
    answers, read = (_count(index, np.where(index.learnt == learnt, in_turn, 0)) for learnt in (True, False))
    return Tally(_count(index, in_turn).rows, answers, read)


def _count(index: MatchIndex, in_turn: np.ndarray) -> Count:
    return Count(int(np.count_nonzero(np.bincount(index.row[in_turn > 0]))), int(in_turn.sum()))


def others_than(index: MatchIndex, skipped: int | None) -> Callable[[range], bool]:
    """Whether slots of ``index.order`` lie in another row too than ``skipped``; in any row, for None."""
    if skipped is None:
        return lambda slots: len(slots) > 0
    elsewhere = np.zeros(len(index.begins) - 1, dtype=bool)
    elsewhere[index.text[index.row != skipped]] = True
    own = int(np.diff(index.begins)[~elsewhere].sum())

    def others(slots: range) -> bool:
        if len(slots) > own:  # more than that row could have
            return True
        return bool(elsewhere[index.texts_at(index.order[slots.start : slots.stop])].any())

    return others
