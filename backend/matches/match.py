"""Where a mark is in the training rows, and what of a whole answer is there literally."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from backend.data.dataset import Split
from backend.matches.corpus import texts_said
from backend.matches.index import MatchIndex
from backend.matches.pattern import Pattern, characters, places_of, times_at
from backend.matches.tally import Tally, others_than, tally
from backend.matches.units import folded, has_word, unit_spans

AROUND = 60
"""Characters that are shown on either side of a place."""
MOST = 20


@dataclass(frozen=True)
class Place:
    """Where a mark is: characters ``start`` to ``end`` of a turn of a training row, -1 of its tools.

    ``learnt``: the model learns to write it; else it is read. ``text``: what stands there; ``before`` and
    ``after``: `AROUND` characters on either side.
    """

    row: str
    turn: int
    role: str
    learnt: bool
    start: int
    end: int
    text: str
    before: str
    after: str


@dataclass(frozen=True)
class Match:
    """What the training rows have of ``text``. ``folded``: case and white space aside.

    ``without``: the row that was asked about, which is not searched. ``places``: the first of them, answers
    first; ``more``: how many are not listed.
    """

    text: str
    folded: bool
    found: Tally
    places: tuple[Place, ...]
    more: int
    without: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return asdict(self)


@dataclass(frozen=True)
class Span:
    """Characters ``start`` to ``end`` of an answer, which are literally in training rows; no longer span is.

    ``units``: how many words and single signs that are.
    """

    start: int
    end: int
    text: str
    units: int
    found: Tally

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return asdict(self)


def match(
    index: MatchIndex, train: Split, pattern: Pattern, without: str | None = None, most: int = MOST
) -> Match:
    """Where a pattern is; ``without``: the id of a row that is left out."""
    skipped = None if without is None else train.position(without)
    places = places_of(index, pattern)
    found = tally(index, places, times_at(index, pattern, places), skipped)
    listed: list[Place] = []
    for place in _listed(index, train, pattern, places, skipped):
        if len(listed) == most:
            break
        listed.append(place)
    more = found.answers.times + found.read.times - len(listed)
    return Match(pattern.text, index.fold, found, tuple(listed), more, without)


def spans_of(index: MatchIndex, train: Split, text: str, without: str | None) -> list[Span]:
    """The longest spans of whole units that are in other rows than ``without``, in order of the text.

    None lies within another one; those of punctuation alone are left out.
    """
    skipped = None if without is None else train.position(without)
    spans = unit_spans(text)
    pairs = []
    for place, (start, end) in enumerate(spans):
        behind = spans[place + 1][0] if place + 1 < len(spans) else end
        pair = text[start:end], text[end:behind]
        pairs.append(folded(*pair) if index.fold else pair)
    elsewhere = others_than(index, skipped)
    found = []
    for first, end, slots in _maximal(index, pairs, elsewhere):
        if has_word(unit for unit, _ in pairs[first:end]):
            places = index.order[slots.start : slots.stop].astype(np.int64)
            counted = tally(index, places, np.ones(len(places), dtype=np.int64), skipped)
            start, stop = spans[first][0], spans[end - 1][1]
            found.append(Span(start, stop, text[start:stop], end - first, counted))
    return found


def _maximal(
    index: MatchIndex, pairs: list[tuple[str, str]], elsewhere: Callable[[range], bool]
) -> Iterator[tuple[int, int, range]]:
    """First unit, unit behind the last, and slots, of each span that is there and that no longer one holds.

    What begins a unit later goes at least as far, so that both ends only move on.
    """
    symbols, lasts = [index.numbers(*each) for each in pairs], [index.numbers(unit) for unit, _ in pairs]
    end = 0
    for first in range(len(pairs)):
        end = before = max(end, first)
        slots = range(0)
        while end < len(pairs) and all(low <= high for low, high in symbols[first:end]):
            longer = index.slots([low for low, _ in symbols[first:end]], lasts[end])
            if not elsewhere(longer):
                break
            slots, end = longer, end + 1
        if end > before:
            yield first, end, slots


def _listed(
    index: MatchIndex, train: Split, pattern: Pattern, places: np.ndarray, skipped: int | None
) -> Iterator[Place]:
    """Every place, answers first, then in the order of the rows."""
    texts = index.texts_at(places)
    said = np.flatnonzero(np.isin(index.text, texts) & (index.row != (-1 if skipped is None else skipped)))
    said = said[np.lexsort((index.turn[said], index.row[said], ~index.learnt[said]))]
    for each in said.tolist():
        number, row = int(index.text[each]), int(index.row[each])
        context, target = train.examples.fields[0][row], train.examples.targets[row]
        turn = next(one for one in texts_said(context, target) if one.turn == index.turn[each])
        for place in np.sort(places[texts == number] - index.begins[number]).tolist():
            for start, end in characters(turn.text, pattern, place, index.fold):
                yield Place(
                    train.ids[row],
                    turn.turn,
                    turn.role,
                    turn.learnt,
                    start,
                    end,
                    turn.text[start:end],
                    turn.text[max(start - AROUND, 0) : start],
                    turn.text[end : end + AROUND],
                )
