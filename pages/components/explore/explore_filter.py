"""Which rows of a split are shown, in which order; all of it in the address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from backend.data.dataset import SplitName
from backend.data.slice import Slice
from backend.data.targets.label_sets import NONE
from backend.data.targets.space import Space
from backend.queue.queue import STATES
from backend.queue.row_table import score_titles
from pages.components import keys
from pages.components.badges import ACTION_WORDS, WORDS_OF_TEXTS
from pages.components.choice import EVERY, choose, pick
from pages.components.number_field import Faults, ask_number
from pages.components.typed_number import Limits, spell

SPLITS: dict[SplitName, str] = {"train": "Training rows", "eval": "Eval rows"}
MOST_GROUPS = 500  # in a list to choose from; others are found by searching
ANY_NUMBER = Limits()
NO_SCORE, FILE_ORDER = "no range", "order of the file"
FIELDS = {  # of a filter, and the key of its widget
    "search": keys.ROWS_FIND,
    "regex": keys.ROWS_REGEX,
    "label": keys.ROWS_LABEL,
    "predicted": keys.ROWS_PREDICTED,
    "group": keys.ROWS_GROUP,
    "decision": keys.ROWS_DECISION,
    "errors": keys.ROWS_WRONG,
    "score": keys.ROWS_SCORE,
    "low": keys.ROWS_LOW,
    "high": keys.ROWS_HIGH,
}


@dataclass(frozen=True)
class Order:
    """By which column; None is the order of the file."""

    by: str | None
    descending: bool


def ask_split() -> SplitName:
    """Training or eval rows."""
    return pick("Rows of", SPLITS, keys.ROWS_OF, "train", first_page)


def ask_slice(table: pa.Table, faults: Faults, space: Space) -> Slice:
    """The filter's fields; those that the table can't answer are left out, what can't be read is a fault."""
    find_box, regex_box, wrong_box = st.columns([0.62, 0.18, 0.2], vertical_alignment="bottom")
    with find_box:
        st.text_input(
            "Words in the texts",
            key=keys.ROWS_FIND,
            bind="query-params",
            max_chars=1_000,
            icon=":material/search:",
            placeholder="every word must be there; or a pattern",
            on_change=first_page,
        )
    with regex_box:
        st.toggle(
            "As a pattern",
            key=keys.ROWS_REGEX,
            bind="query-params",
            on_change=first_page,
            help="A regular expression in the syntax of RE2, letter case aside.",
        )
    with wrong_box:
        if "predicted" in table.column_names:
            name = "Largest errors" if space.edit in ("number", "text") else "Only errors"
            st.toggle(name, key=keys.ROWS_WRONG, bind="query-params", on_change=first_page)
    exact = _ask_exact(table, space)
    score, low, high = _ask_range(score_titles(table), faults)
    return Slice(
        search=(keys.get(keys.ROWS_FIND) or "").strip(),
        regex=bool(keys.get(keys.ROWS_REGEX)),
        errors=True if keys.get(keys.ROWS_WRONG) and "predicted" in table.column_names else None,
        score=score,
        low=low,
        high=high,
        **exact,
    )


def ask_order(table: pa.Table) -> Order:
    """The column to sort by, and from which end."""
    by_box, end_box = st.columns([0.6, 0.4], vertical_alignment="bottom")
    with by_box:
        titles = score_titles(table)
        by = choose("Sort by", list(titles), keys.ROWS_SORT, titles, first_page, FILE_ORDER)
    with end_box:
        st.toggle("Highest first", key=keys.ROWS_DESCENDING, bind="query-params", on_change=first_page)
    return Order(by, bool(keys.get(keys.ROWS_DESCENDING)))


def fill_fields(wanted: Slice) -> None:
    """In a callback: put a filter into the fields."""
    for name, key in FIELDS.items():
        value = getattr(wanted, name)
        if name == "search":
            value = value or ""
        elif name in ("regex", "errors"):
            value = bool(value)
        elif name == "score":
            value = value or NO_SCORE
        elif name in ("low", "high"):
            value = "" if value is None else spell(value, ANY_NUMBER)
        else:
            value = value if value is not None else EVERY
        keys.put(key, value)
    first_page()


def first_page() -> None:
    """In a callback: begin again at the first page."""
    keys.put(keys.ROWS_PAGE, 1)


def _ask_exact(table: pa.Table, space: Space) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    fields = {
        "label": ("Class" if space.edit == "choose" else "Label", keys.ROWS_LABEL),
        "predicted": ("Predicted", keys.ROWS_PREDICTED),
        "group": ("Group", keys.ROWS_GROUP),
        "decision": ("Decision", keys.ROWS_DECISION),
    }
    numbers = ("label", "predicted") if space.edit in ("number", "text") else ()
    there = [name for name in fields if name in table.column_names and name not in numbers]
    for name, box in zip(there, st.columns(len(there)), strict=True):
        title, key = fields[name]
        values = STATES[:-1] if name == "decision" else _values(table, name)
        if name in ("label", "predicted") and space.edit == "choose many":
            values = [*space.names, NONE]
        with box:
            words = WORDS_OF_TEXTS if space.edit == "text" else ACTION_WORDS
            called = words if name == "decision" else None
            chosen[name] = choose(title, values, key, called, first_page)
    return chosen


def _values(table: pa.Table, name: str) -> list[str]:
    return sorted(str(each) for each in pc.unique(table[name]).to_pylist())[:MOST_GROUPS]


def _ask_range(titles: dict[str, str], faults: Faults) -> tuple[str | None, float | None, float | None]:
    if not titles:
        return None, None, None
    score_box, low_box, high_box = st.columns([0.5, 0.25, 0.25], vertical_alignment="top")
    found: dict[str, float | None] = {}
    with score_box:
        score = choose("Range of a score", list(titles), keys.ROWS_SCORE, titles, first_page, NO_SCORE)
    for box, name, key in ((low_box, "from", keys.ROWS_LOW), (high_box, "to", keys.ROWS_HIGH)):
        with box:
            found[name] = ask_number(
                name.capitalize(),
                key,
                ANY_NUMBER,
                None,
                faults,
                placeholder="no limit",
                disabled=score is None,
                on_change=first_page,
            )
    return score, found["from"], found["to"]
