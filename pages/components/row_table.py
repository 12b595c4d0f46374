"""Rows of a data set as they are, in a box that scrolls."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from backend.data.conversations import calls_in_words, found_messages, keys_of
from pages.components.markup import Html, join, short, tag
from pages.components.numbers import plural
from pages.components.tables import table

LONGEST_CELL = 160
MOST_MESSAGES = 8
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
    messages = found_messages(value)
    return _messages(messages) if messages else short(_text(value), LONGEST_CELL)


def _text(value: Any) -> str:
    """Lists and mappings as JSON, not as Python writes them."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return "" if value is None else str(value)


def _messages(messages: Sequence[Any]) -> Html:
    """Who says what, a line each; the answer stands at the end, so the middle is left out."""
    left = len(messages) - MOST_MESSAGES
    if left <= 0:
        return join(map(_message, messages))
    first, last = MOST_MESSAGES // 2, MOST_MESSAGES - MOST_MESSAGES // 2
    gap = tag("div", f"... {plural(left, 'message')} ...", cls="fw-muted")
    return join([*map(_message, messages[:first]), gap, *map(_message, messages[-last:])])


def _message(message: Any) -> Html:
    role, text = keys_of(message) or ("", "")
    said = message.get(text) or calls_in_words(message)
    who = tag("span", short(_text(message.get(role)), 40), ": ", cls="fw-muted")
    return tag("div", who, short(_text(said), LONGEST_CELL), dir="auto")
