"""Why one decides: a line that the log keeps with the decisions made on this page."""

from __future__ import annotations

import streamlit as st

from pages.components import keys


def ask_reason(page: str, label: str = "Reason") -> None:
    """Draw the page's field; it speaks for every decision on that page."""
    field = f"reason-{page}"
    keys.put(keys.REASON_FIELD, field)
    st.text_input(
        label,
        key=field,
        persist_state="session",
        max_chars=500,
        placeholder="optional, kept in the log",
    )


def forget_reason() -> None:
    """In a callback: empty the page's field, where what comes next is another matter."""
    field = keys.get(keys.REASON_FIELD)
    if field:
        keys.put(field, "")
