"""The log of decisions, a page at a time, with a button to take each back."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from backend.data.dataset import Split
from backend.errors import InputError
from backend.review.ledger import LogEntry
from backend.workspace import Workspace
from pages.components import keys
from pages.components.badges import ACTION_TONES, ACTION_WORDS, CORRECTED, badge
from pages.components.changes.log_filter import ask_filter
from pages.components.conversation.row_view import target_change
from pages.components.conversation.shown_text import has_conversations, shown_text
from pages.components.decisions import redo, undo
from pages.components.history import Batch, page_of_batches
from pages.components.markup import Html, join, plain_label, short, show, tag

PAGE = 20
SHOWN_ROWS = 5
SHOWN_TEXT = 220


def show_log(workspace: Workspace) -> None:
    """A page of the log, by the filters in the address."""
    ledger = workspace.review.ledger
    wanted = ask_filter(workspace)
    start = int(keys.get(keys.LOG_START) or 0)
    batches, end = page_of_batches(lambda limit, offset: wanted.read(ledger, limit, offset), start, PAGE)
    for batch in batches:
        if batch.about is None or not wanted.active:  # an undo is no decision that could be in force
            with st.container(border=True):
                _show_batch(workspace, batch)
    if not batches:
        st.caption("No entry fits these filters." if not start else "There is nothing older.")
    _turn_pages(start, end if wanted.read(ledger, 1, end) else None)


def _show_batch(workspace: Workspace, batch: Batch) -> None:
    """One line of the log."""
    words, button = st.columns([0.87, 0.13], vertical_alignment="center")
    with words:
        show(_line(workspace, batch))
    if batch.about is None:
        with button:
            _button(workspace, batch)


def _line(workspace: Workspace, batch: Batch) -> Html:
    head = batch.head
    when = tag(
        "span",
        f"{shown_time(head.at)} · {short(head.author)} · {head.origin} · decision {batch.number}",
        cls="fw-muted",
    )
    if batch.about is not None:
        title = f"{head.action} of decision {batch.about}"
        return tag("div", tag("div", badge(title), when, cls="fw-badges"), cls="fw-log fw-quietline")
    undone = not head.active
    parts = [badge(head.note)] if head.note else _action(workspace.train_split, head)
    if batch.size > 1 or head.note:
        parts.append(tag("b", batch.rows))
    if undone:
        parts.append(badge("undone"))
    one_reason = head.reason and not head.note
    reason = tag("div", "reason: ", head.reason, cls="fw-muted") if one_reason else ""
    return tag(
        "div",
        tag("div", *parts, when, cls="fw-badges"),
        join(_row(workspace, entry) for entry in batch.entries[:SHOWN_ROWS]),
        tag("div", f"and {batch.size - SHOWN_ROWS:,} more", cls="fw-muted")
        if batch.size > SHOWN_ROWS
        else "",
        reason,
        cls="fw-log fw-undone" if undone else "fw-log",
    )


def _action(split: Split, entry: LogEntry) -> list[Html]:
    """What was decided, and for a relabelling from which class to which."""
    name = ACTION_WORDS.get(entry.action, "taken back")
    name = CORRECTED if entry.new_label and has_conversations(split) else name
    parts = [badge(name, ACTION_TONES.get(entry.action, "plain"))]
    if entry.new_label:
        parts.append(target_change(split, entry.old_label or "", entry.new_label))
    return parts


def _row(workspace: Workspace, entry: LogEntry) -> Html:
    """The row's text and id; where the entries of a batch differ, also what was decided about it and why."""
    split, row = workspace.train_split, entry.row_id or ""
    own = [*_action(split, entry), *([tag("span", entry.reason, cls="fw-muted")] if entry.reason else [])]
    before = tag("span", *own, " ") if entry.note else ""
    shown_id = tag("span", short(row), cls="fw-mono")
    try:
        position = split.position(row)
    except InputError:
        return tag("div", before, shown_id, " (not in the data)")
    text = shown_text(split, position)
    return tag("div", before, tag("span", short(text, SHOWN_TEXT), cls="fw-text", dir="auto"), " ", shown_id)


def _button(workspace: Workspace, batch: Batch) -> None:
    active = batch.head.active
    name = plain_label(batch.name(workspace.space), 200)
    st.button(
        "Revert" if active else "Redo",
        key=f"log-{batch.number}",
        icon=":material/undo:" if active else ":material/redo:",
        help=f"{'Undo' if active else 'Redo'} decision {batch.number}: {name}",
        on_click=undo if active else redo,
        args=(workspace.path, batch.number),
        width="stretch",
    )


def _turn_pages(start: int, older: int | None) -> None:
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


def shown_time(at: str) -> str:
    """A time of the log in the server's time zone."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return at
