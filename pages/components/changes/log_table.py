"""The log of decisions, a page at a time, with a button to take each back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import streamlit as st

from backend.errors import InputError
from backend.workspace import Workspace
from pages.components import keys
from pages.components.badges import ACTION_TONES, ACTION_WORDS, badge, label_badge
from pages.components.decisions import redo, undo
from pages.components.history import Batch
from pages.components.markup import Html, join, plain_label, short, show, tag

SHOWN_ROWS = 5
SHOWN_TEXT = 220


def show_batch(workspace: Workspace, batch: Batch) -> None:
    """One line of the log."""
    words, button = st.columns([0.87, 0.13], vertical_alignment="center")
    with words:
        show(_line(workspace, batch))
    if batch.about is None:
        with button:
            _button(workspace.path, batch)


def _line(workspace: Workspace, batch: Batch) -> Html:
    head = batch.head
    when = tag(
        "span",
        f"{_time(head.at)} · {short(head.author)} · {head.origin} · decision {batch.number}",
        cls="fw-muted",
    )
    if batch.about is not None:
        title = f"{head.action} of decision {batch.about}"
        return tag("div", tag("div", badge(title), when, cls="fw-badges"), cls="fw-log fw-quietline")
    undone = not head.active
    parts: list[Html] = [badge(ACTION_WORDS[head.action], ACTION_TONES[head.action])]
    if head.new_label:
        parts += [label_badge(head.old_label or ""), join(["→"]), label_badge(head.new_label)]
    if batch.size > 1:
        parts.append(tag("b", batch.rows))
    if undone:
        parts.append(badge("undone"))
    reason = tag("div", "reason: ", head.reason, cls="fw-muted") if head.reason else ""
    return tag(
        "div",
        tag("div", *parts, when, cls="fw-badges"),
        join(_row(workspace, entry.row_id or "") for entry in batch.entries[:SHOWN_ROWS]),
        tag("div", f"and {batch.size - SHOWN_ROWS:,} more", cls="fw-muted")
        if batch.size > SHOWN_ROWS
        else "",
        reason,
        cls="fw-log fw-undone" if undone else "fw-log",
    )


def _row(workspace: Workspace, row: str) -> Html:
    split = workspace.train_split
    shown_id = tag("span", short(row), cls="fw-mono")
    try:
        position = split.position(row)
    except InputError:
        return tag("div", shown_id, " (not in the data)")
    text = split.texts[position] + (f" ‖ {split.texts_b[position]}" if split.texts_b else "")
    return tag("div", tag("span", short(text, SHOWN_TEXT), cls="fw-text", dir="auto"), " ", shown_id)


def _button(path: Path, batch: Batch) -> None:
    active = batch.head.active
    st.button(
        "Revert" if active else "Redo",
        key=f"log-{batch.number}",
        icon=":material/undo:" if active else ":material/redo:",
        help=f"{'Undo' if active else 'Redo'} decision {batch.number}: {plain_label(batch.name, 200)}",
        on_click=undo if active else redo,
        args=(path, batch.number),
        width="stretch",
    )


def turn_pages(start: int, older: int | None) -> None:
    """Buttons to the newest page and to the next older one, which begins at line ``older`` (None: none)."""
    if not start and older is None:
        return
    with st.container(horizontal=True):
        for name, icon, line in (("Newest", "first_page", 0), ("Older", "chevron_right", older)):
            st.button(
                name,
                key=f"log-{name.lower()}",
                icon=f":material/{icon}:",
                disabled=line is None or line == start,
                on_click=keys.put,
                args=(keys.LOG_START, line),
            )


def _time(at: str) -> str:
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return at
