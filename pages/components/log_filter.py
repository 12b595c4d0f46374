"""Filters over the log: which action, whose, in force or not."""

from __future__ import annotations

import streamlit as st

from pages.components import keys
from pages.components.history import Batch

ACTIONS = ("all", "remove", "relabel", "flag", "keep", "undo", "redo")
EVERYONE = "everyone"


def filtered(log: list[Batch]) -> list[Batch]:
    """The batches that fit what the user chose; draws the choices."""
    authors = sorted({batch.head.author for batch in log})
    action_box, author_box, active_box = st.columns([0.5, 0.25, 0.25], vertical_alignment="bottom")
    with action_box:
        st.segmented_control(
            "Action",
            ACTIONS,
            default="all",
            required=True,
            key=keys.LOG_ACTION,
            bind="query-params",
            on_change=_first_page,
        )
    with author_box:
        st.selectbox(
            "Author", [EVERYONE, *authors], key=keys.LOG_AUTHOR, bind="query-params", on_change=_first_page
        )
    with active_box:
        st.toggle("Only what is in force", key=keys.LOG_ACTIVE, bind="query-params", on_change=_first_page)
    action, author = keys.get(keys.LOG_ACTION), keys.get(keys.LOG_AUTHOR)
    only_active = bool(keys.get(keys.LOG_ACTIVE))
    return [
        batch
        for batch in log
        if action in (None, "all", batch.head.action)
        and author in (None, EVERYONE, batch.head.author)
        and (not only_active or (batch.head.active and batch.about is None))
    ]


def _first_page() -> None:
    keys.put(keys.LOG_PAGE, 1)
