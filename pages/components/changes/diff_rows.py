"""The rows that two versions decide otherwise, a page at a time, each with the way to Inspect."""

from __future__ import annotations

import streamlit as st

from backend.review.diff import Diff, RowChange
from backend.review.words import kind_word
from backend.workspace import Workspace
from pages.components import keys
from pages.components.badges import badge
from pages.components.changes.diff_tables import KIND_TONES
from pages.components.choice import choose
from pages.components.conversation.row_view import target_badge, target_change
from pages.components.conversation.shown_text import shown_text
from pages.components.go_to import inspect_button, turn_to
from pages.components.markup import Html, short, show, tag
from pages.components.paging import page_number, pages_of, turn_pages

PAGE = 10
SHOWN_TEXT = 220


def show_diff_rows(workspace: Workspace, diff: Diff) -> None:
    """Rows of the chosen kind, or all."""
    kinds = [kind for kind, count in diff.counts.items() if count]
    with st.columns([0.3, 0.7])[0]:
        titles = {kind: kind_word(workspace.space, kind) for kind in kinds}
        kind = choose("Rows that are", kinds, keys.DIFF_KIND, titles, on_change=_first_page, every="all")
    rows = [each for each in diff.rows if kind is None or kind in each.kinds]
    pages = pages_of(len(rows), PAGE)
    page = page_number(keys.DIFF_PAGE, pages)
    pressed = False
    for change in rows[(page - 1) * PAGE : page * PAGE]:
        with st.container(border=True):
            pressed |= _line(workspace, change)
    turn_pages(keys.DIFF_PAGE, pages)
    if pressed:
        turn_to("inspect")


def _line(workspace: Workspace, change: RowChange) -> bool:
    """Draw a row; whether its button was pressed."""
    words, button = st.columns([0.85, 0.15], vertical_alignment="center")
    split = workspace.train_split
    text = "(not in the data)"
    if split.has(change.row):
        text = shown_text(split, split.position(change.row))
    with words:
        show(_described(workspace, change, text))
    with button:
        return inspect_button(change.row, f"diff-{change.row}", disabled=not split.has(change.row))


def _described(workspace: Workspace, change: RowChange, text: str) -> Html:
    split, space = workspace.train_split, workspace.space
    kinds = [badge(kind_word(space, kind), KIND_TONES.get(kind, "plain")) for kind in change.kinds]
    if change.new_label != change.old_label:
        labels = target_change(split, change.old_label or "", change.new_label or "")
    else:
        labels = target_badge(split, change.old_label or "")
    why = " · ".join(each for each in (short(change.author), short(change.reason, 300)) if each)
    return tag(
        "div",
        tag("div", *kinds, labels, tag("span", why, cls="fw-muted"), cls="fw-badges"),
        tag(
            "div",
            tag("span", short(text, SHOWN_TEXT), cls="fw-text", dir="auto"),
            " ",
            tag("span", short(change.row), cls="fw-mono"),
        ),
        cls="fw-log",
    )


def _first_page() -> None:
    keys.put(keys.DIFF_PAGE, 1)
