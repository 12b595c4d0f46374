"""Eval rows that became right or wrong, each with the way to Inspect."""

from __future__ import annotations

from typing import Any

import streamlit as st

from backend.workspace import Workspace
from pages.components.conversation.row_view import target_badge
from pages.components.conversation.shown_text import shown_text
from pages.components.go_to import go_to, turn_to
from pages.components.markup import plain_label, short, show, tag
from pages.components.numbers import plural
from pages.components.paging import page_number, pages_of, turn_pages

PAGE = 5
KINDS = {"fixed": "Wrong before, right now", "broken": "Right before, wrong now"}


def show_rows(workspace: Workspace, arm: dict[str, Any], key: str) -> None:
    """Both lists side by side, and how many rows change by chance."""
    rows = arm.get("rows")
    if rows is None:
        return
    st.subheader("Rows that changed sides")
    chance = rows.get("by_chance")
    if chance is not None:
        st.caption(
            f"By the mean of the seeds' probabilities. Between two seeds on the same data {chance:,.0f} "
            "rows change sides anyway."
        )
    for box, (kind, title) in zip(st.columns(2, gap="medium"), KINDS.items(), strict=True):
        with box, st.container(border=True):
            _list(workspace, kind, f"{title}: {len(rows[kind]):,}", rows[kind], key)


def _list(workspace: Workspace, kind: str, title: str, ids: list[str], key: str) -> None:
    st.markdown(f"**{title}**")
    if not ids:
        st.caption("None.")
        return
    pages = pages_of(len(ids), PAGE)
    place = f"rows-{kind}-{key}"
    page = page_number(place, pages)
    split, pressed = workspace.eval_split, False
    for row in ids[(page - 1) * PAGE : page * PAGE]:
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            if split.has(row):
                at = split.position(row)
                show(
                    tag(
                        "div",
                        target_badge(split, split.labels[at]),
                        " ",
                        tag("span", short(shown_text(split, at), 160), dir="auto"),
                        cls="fw-text",
                    )
                )
                pressed |= st.button(
                    "Inspect",
                    key=f"inspect-{kind}-{key}-{row}",
                    type="tertiary",
                    icon=":material/search:",
                    help=f"Why the model says this about {plain_label(row)}",
                    on_click=go_to,
                    args=("eval", row),
                )
            else:
                st.caption(f"{plain_label(row)}: no longer in the data")
    if pages > 1:
        turn_pages(place, pages)
        st.caption(f"{plural(len(ids), 'row')} in all; the report has every id.")
    if pressed:
        turn_to("inspect")
