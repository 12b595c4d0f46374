"""Filters over the log: which action, whose, in force or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st

from backend.review.ledger import Ledger, LogEntry
from backend.review.words import action_word
from backend.workspace import Workspace
from pages.components import keys
from pages.components.markup import distinct

ACTIONS = ("all", "remove", "relabel", "flag", "keep", "clear", "undo", "redo")
EVERYONE = "everyone"


@dataclass(frozen=True)
class LogFilter:
    """What of the log to show; None is no limit."""

    action: str | None
    author: str | None
    active: bool | None
    row: str | None = None

    def read(self, ledger: Ledger, limit: int, offset: int) -> list[LogEntry]:
        """Lines that fit, newest first."""
        return ledger.entries(
            self.row, limit, offset, action=self.action, author=self.author, active=self.active
        )


def ask_filter(workspace: Workspace) -> LogFilter:
    """Draw the choices."""
    ledger = workspace.review.ledger
    action_box, row_box, author_box, active_box = st.columns(
        [0.55, 0.12, 0.15, 0.18], vertical_alignment="bottom"
    )
    with action_box:
        st.segmented_control(
            "Action",
            ACTIONS,
            default="all",
            required=True,
            format_func=partial(action_word, workspace.space),
            key=keys.LOG_ACTION,
            bind="query-params",
            on_change=_first_page,
        )
    with row_box:
        st.text_input(
            "Row",
            key=keys.LOG_ROW,
            bind="query-params",
            placeholder="id",
            max_chars=1_000,
            on_change=_first_page,
        )
    names = distinct([EVERYONE, *ledger.authors()], 60)
    with author_box:
        st.selectbox(
            "Author",
            list(names),
            format_func=names.__getitem__,
            key=keys.LOG_AUTHOR,
            bind="query-params",
            on_change=_first_page,
        )
    with active_box:
        st.toggle("Only in force", key=keys.LOG_ACTIVE, bind="query-params", on_change=_first_page)
    action, author = keys.get(keys.LOG_ACTION), keys.get(keys.LOG_AUTHOR)
    return LogFilter(
        None if action == "all" else action,
        None if author == EVERYONE else author,
        True if keys.get(keys.LOG_ACTIVE) else None,
        (keys.get(keys.LOG_ROW) or "").strip() or None,
    )


def _first_page() -> None:
    keys.put(keys.LOG_START, 0)
