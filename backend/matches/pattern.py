"""A marked text as the units to search for, and the places where they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.errors import InputError
from backend.matches.index import MatchIndex
from backend.matches.units import folded, inner_spans, unit_spans


@dataclass(frozen=True)
class Pattern:
    """``text``: what is looked for. ``units`` of it, and ``blanks`` behind each but the last, are folded for
    a folded index.

    ``whole_start``, ``whole_end``: whether the mark begins and ends where a unit does. Only then must what it
    matches; else the first unit is the end of one, the last the beginning of one.
    """

    text: str
    units: tuple[str, ...]
    blanks: tuple[str, ...]
    whole_start: bool = True
    whole_end: bool = True


def pattern_of(text: str, start: int, end: int, fold: bool) -> Pattern:
    """What the characters ``start`` to ``end`` of a text say, white space at either end aside.

    `InputError` where they are out of the text, or say nothing.
    """
    if not text:
        raise InputError("there is no text to look for")
    if not 0 <= start < end <= len(text):
        raise InputError(f"mark {start}:{end}: the text has characters 0:{len(text)}")
    spans = [(first, last) for first, last in unit_spans(text) if last > start and first < end]
    if not spans:
        raise InputError("there is only white space to match")
    units, blanks = [], []
    for place, (first, last) in enumerate(spans):
        behind = spans[place + 1][0] if place + 1 < len(spans) else last
        unit, blank = text[max(first, start) : min(last, end)], text[last:behind]
        units.append(folded(unit, blank)[0] if fold else unit)
        blanks.append(folded(unit, blank)[1] if fold else blank)
    first, last = spans[0][0], spans[-1][1]
    wanted = text[max(first, start) : min(last, end)]
    return Pattern(wanted, tuple(units), tuple(blanks[:-1]), start <= first, end >= last)


def places_of(index: MatchIndex, pattern: Pattern) -> np.ndarray:
    """Places of ``index.symbols`` where the pattern's first unit lies: int64, in no order."""
    if len(pattern.units) == 1:
        return _of_one(index, pattern)
    known = list(zip(pattern.units, pattern.blanks, strict=False))[0 if pattern.whole_start else 1 :]
    numbers = [index.numbers(*each) for each in known]
    if any(first > last for first, last in numbers):
        return np.zeros(0, dtype=np.int64)
    exact, last = [first for first, _ in numbers], pattern.units[-1]
    if pattern.whole_end:
        places = _at(index, exact, index.numbers(last))
    else:
        begins = index.with_part(last, True, False)
        places = _at(index, exact[:-1], numbers[-1]) if exact else np.arange(1, len(index.symbols))
        places = places[begins[index.symbols[places + len(exact)]]]
    if pattern.whole_start:
        return places
    places = places[places > 0] - 1
    fits = index.with_part(pattern.units[0], False, True) & index.with_blank(pattern.blanks[0])
    return places[fits[index.symbols[places]]]


def _of_one(index: MatchIndex, pattern: Pattern) -> np.ndarray:
    (unit,) = pattern.units
    if pattern.whole_start and pattern.whole_end:
        return _at(index, [], index.numbers(unit))
    fits = index.with_part(unit, pattern.whole_start, pattern.whole_end)
    return np.flatnonzero(fits[index.symbols])


def _at(index: MatchIndex, exact: list[int], last: tuple[int, int]) -> np.ndarray:
    slots = index.slots(exact, last)
    return index.order[slots.start : slots.stop].astype(np.int64)


def times_at(index: MatchIndex, pattern: Pattern, places: np.ndarray) -> np.ndarray:
    """How often the pattern lies at each place: once, but for a part of a unit; int64."""
    if len(pattern.units) > 1 or pattern.whole_start or pattern.whole_end:
        return np.ones(len(places), dtype=np.int64)
    numbers, which = np.unique(index.symbols[places], return_inverse=True)
    units = (index.units[int(number) - 1].as_py() for number in numbers)
    counts = [len(inner_spans(unit, pattern.units[0], False)) for unit in units]
    return np.array(counts, dtype=np.int64)[which]


def characters(text: str, pattern: Pattern, place: int, fold: bool) -> list[tuple[int, int]]:
    """Where a text has the pattern whose first unit is its unit ``place``: start and end, in characters."""
    spans = unit_spans(text)[place : place + len(pattern.units)]
    start, end = spans[0][0], spans[-1][1]
    if len(spans) == 1 and not (pattern.whole_start or pattern.whole_end):
        inner = inner_spans(text[start:end], pattern.units[0], fold)
        return [(start + first, start + last) for first, last in inner]
    if not pattern.whole_start:
        first, last = spans[0]
        start = first + inner_spans(text[first:last], pattern.units[0], fold)[-1][0]
    if not pattern.whole_end:
        first, last = spans[-1]
        end = first + inner_spans(text[first:last], pattern.units[-1], fold)[0][1]
    return [(start, end)]
