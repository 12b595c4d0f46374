"""Which rows of a table fit a filter, in which order: for tables of some 100,000 rows, at once.

The table has the columns `FIELD_NAMES` says where it has them, ``label``, ``predicted``, ``group`` and
``decision``, `WRONG` (bool), and any number of numeric ones. Patterns are run by RE2, whose time grows with
the text only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backend.data.examples import FIELD_NAMES
from backend.data.messages import first_line
from backend.data.targets.label_sets import SEPARATOR
from backend.errors import InputError

EXACT = ("label", "predicted", "group", "decision")
WRONG = "wrong"
_LONGEST_PATTERN = 1_000


@dataclass(frozen=True)
class Slice:
    """A filter; what is None or empty does not limit.

    ``search``: words that must all stand in the texts, letter case aside, or with ``regex`` one pattern.
    ``label`` and ``predicted`` are whole targets, or with ``sets`` (see `matching`) labels that they hold.
    ``errors``: whether the prediction is wrong. ``score`` lies between ``low`` and ``high``, both
    included; a row without a value does not.
    """

    search: str = ""
    regex: bool = False
    label: str | None = None
    predicted: str | None = None
    group: str | None = None
    decision: str | None = None
    errors: bool | None = None
    score: str | None = None
    low: float | None = None
    high: float | None = None


def matching(table: pa.Table, wanted: Slice, sets: bool = False) -> np.ndarray:
    """Places of the rows that fit, ascending: int64. `InputError` for a bad pattern or an unknown column.

    ``sets``: targets are sets of labels (`backend.data.targets.label_sets`).
    """
    kept = np.ones(len(table), dtype=bool)
    for name in EXACT:
        value = getattr(wanted, name)
        if value is not None:
            column = _column(table, name)
            holds = sets and name in ("label", "predicted")
            kept &= holding_label(column, value) if holds else _mask(pc.equal(column, value))
    if wanted.errors is not None:
        kept &= _wrong(table) == wanted.errors
    if wanted.score is not None and (wanted.low is not None or wanted.high is not None):
        kept &= _within(_numbers(table, wanted.score), wanted.low, wanted.high)
    if wanted.search:
        texts = [table[name] for name in FIELD_NAMES if name in table.column_names]
        kept &= holding(texts, wanted.search, wanted.regex)
    return np.flatnonzero(kept)


def holding(texts: Sequence[pa.ChunkedArray], search: str, regex: bool = False) -> np.ndarray:
    """Which rows hold every word of ``search``, letter case aside, or with ``regex`` one pattern: bool (n).

    What a search is on every page. ``texts`` are the columns looked through: a word may stand in any.
    `InputError` for a bad pattern.
    """
    kept = np.ones(len(texts[0]), dtype=bool)
    for pattern in _patterns(search, regex):
        kept &= _holds(texts, pattern, regex)
    return kept


def _wrong(table: pa.Table) -> np.ndarray:
    """Which rows are predicted wrongly, by `WRONG` where that is there: bool (n)."""
    if WRONG in table.column_names:
        return _mask(table[WRONG])
    return _mask(pc.not_equal(_column(table, "predicted"), _column(table, "label")))


def holding_label(targets: pa.ChunkedArray, label: str) -> np.ndarray:
    """Which targets, sets of labels as text, hold a label: bool (n)."""
    joined = pc.binary_join_element_wise(SEPARATOR + " ", targets, SEPARATOR, "")
    return _mask(pc.match_substring(joined, f"{SEPARATOR} {label}{SEPARATOR}"))


def ordered(table: pa.Table, places: np.ndarray, by: str | None, descending: bool = False) -> np.ndarray:
    """``places`` (ascending) by a numeric column, what has no value last, ties by place."""
    if by is None:
        return places[::-1] if descending else places
    values = _numbers(table, by)[places]
    return places[np.argsort(-values if descending else values, kind="stable")]


def counts(table: pa.Table, places: np.ndarray, column: str) -> dict[str, int]:
    """How many of the rows have each value of a column, most first, ties by name."""
    found = pc.value_counts(_column(table, column).take(pa.array(places))).to_pylist()
    return dict(
        sorted(((each["values"], each["counts"]) for each in found), key=lambda each: (-each[1], each[0]))
    )


def inside(
    x: np.ndarray, y: np.ndarray, corners_x: Sequence[float], corners_y: Sequence[float]
) -> np.ndarray:
    """Which points lie in a polygon (even-odd rule): bool (n)."""
    found = np.zeros(len(x), dtype=bool)
    before_x, before_y = np.roll(corners_x, 1), np.roll(corners_y, 1)
    for x1, y1, x2, y2 in zip(before_x, before_y, corners_x, corners_y, strict=True):
        crosses = (y1 > y) != (y2 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            found ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return found


def _patterns(search: str, regex: bool) -> list[str]:
    if len(search) > _LONGEST_PATTERN:
        raise InputError(f"search: {len(search):,} characters; at most {_LONGEST_PATTERN:,}")
    if regex:
        return [search] if search else []
    return search.split()


def _holds(texts: Sequence[pa.ChunkedArray], pattern: str, regex: bool) -> np.ndarray:
    """Whether a pattern or part of a text stands in either text: bool (n)."""
    matches = pc.match_substring_regex if regex else pc.match_substring
    try:
        found = [_mask(matches(each, pattern, ignore_case=True)) for each in texts]
    except pa.ArrowInvalid as error:
        raise InputError(f"search: not a pattern that can be used ({first_line(error)})") from error
    return reduce(np.logical_or, found)


def _within(values: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    kept = np.isfinite(values)
    if low is not None:
        kept &= values >= low
    if high is not None:
        kept &= values <= high
    return kept


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    return _column(table, name).cast(pa.float64()).to_numpy()


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise InputError(f"no row has a {name} here")
    return table[name]


def _mask(found: pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(found, False).to_numpy()
