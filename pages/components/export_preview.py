"""What an export will hold, before it is made."""

from __future__ import annotations

from typing import Any

import streamlit as st

from backend.data.export import ExportPreview
from pages.components.markup import Html, short, show, tag
from pages.components.numbers import MINUS, plural
from pages.components.tables import table

LONGEST_CELL = 160
FIRST_ROWS = 8
FIRST_COLUMNS = 40


def show_preview(preview: ExportPreview) -> None:
    """Counts per class before and after, and the first rows."""
    with st.container(border=True):
        st.subheader("Classes before and after")
        show(_classes(preview))
    with st.container(border=True):
        st.subheader(f"First rows of {preview.n_rows:,}" if preview.n_rows else "First rows")
        if not preview.n_rows:
            st.caption("No row fits: nothing has been decided that this export would hold.")
            return
        show(_rows(preview))


def summary_line(preview: ExportPreview) -> str:
    """What the decisions amount to."""
    return (
        f"{plural(preview.n_rows, 'row')} in this export. Decisions: {preview.removed:,} removed, "
        f"{preview.relabelled:,} relabelled, {preview.flagged:,} flagged, {preview.kept:,} kept."
    )


def _classes(preview: ExportPreview) -> Html:
    names = list(dict.fromkeys([*preview.before, *preview.after]))
    rows = [
        (short(name), f"{preview.before.get(name, 0):,}", f"{preview.after.get(name, 0):,}",
         _change(preview.after.get(name, 0) - preview.before.get(name, 0)))
        for name in names
    ]  # fmt: skip
    before, after = sum(preview.before.values()), sum(preview.after.values())
    total = (tag("b", "all"), f"{before:,}", f"{after:,}", _change(after - before))
    made = table(("class", "before", "after", "change"), [*rows, total], numbers=(1, 2, 3))
    return tag("div", made, cls="fw-narrow")


def _change(difference: int) -> str:
    if difference == 0:
        return "–"
    return f"+{difference:,}" if difference > 0 else f"{MINUS}{-difference:,}"


def _rows(preview: ExportPreview) -> Html:
    names = preview.columns[:FIRST_COLUMNS]
    rows = [[_cell(row.get(name)) for name in names] for row in preview.rows[:FIRST_ROWS]]
    shown = tag(
        "div",
        table([short(name) for name in names], rows),
        cls="fw-scroll",
        tabindex="0",
        role="region",
        aria_label="first rows",
    )
    more = len(preview.columns) - len(names)
    return (
        tag("div", shown, tag("p", f"and {plural(more, 'column')} more", cls="fw-muted")) if more else shown
    )


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return short(text, LONGEST_CELL)
