"""Rows of a data set as they are, in a box that scrolls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pages.components.markup import Html, short, tag
from pages.components.numbers import plural
from pages.components.tables import table

LONGEST_CELL = 160
FIRST_COLUMNS = 40


def row_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Html:
    """The first `FIRST_COLUMNS` columns; how many more there are is said."""
    cells = [[_cell(value) for value in row[:FIRST_COLUMNS]] for row in rows]
    made = table([short(name) for name in columns[:FIRST_COLUMNS]], cells)
    shown = tag("div", made, cls="fw-scroll", tabindex="0", role="region", aria_label="first rows")
    more = len(columns) - FIRST_COLUMNS
    if more <= 0:
        return shown
    return tag("div", shown, tag("p", f"and {plural(more, 'column')} more", cls="fw-muted"))


def _cell(value: Any) -> str:
    return short("" if value is None else str(value), LONGEST_CELL)
