"""The way to another page, and to another row of the Inspect page."""

from __future__ import annotations

import streamlit as st

from pages.components import keys
from pages.components.markup import plain_label


def turn_to(page: str) -> None:
    """Show another page, whatever filters are in the address.

    Without an address of its own, `st.switch_page` clears that of the page it leaves, and refuses to where
    a widget is bound to it.
    """
    st.switch_page(f"pages/{page}.py", query_params={})


def ask_to_turn(page: str) -> None:
    """In a callback, where no page can be turned: have `turn_if_asked` do it."""
    keys.put(keys.TURN_TO, page)


def turn_if_asked() -> None:
    """Show the page that a callback has asked for, if one has."""
    page = st.session_state.pop(keys.TURN_TO, None)
    if page is not None:
        turn_to(page)


def go_to(split: str, row: str) -> None:
    """In a callback: show this row, whatever was searched before."""
    keys.put(keys.WHAT, split)
    keys.put(keys.ONLY_ERRORS, False)
    keys.put(keys.SEARCH, "")
    keys.put(keys.ROW, row)


def inspect_button(row: str, key: str, disabled: bool = False) -> bool:
    """The button that leads to a training row on the Inspect page; whether it was pressed."""
    return st.button(
        "Inspect",
        key=key,
        icon=":material/arrow_outward:",
        type="tertiary",
        help=f"Explain training example {plain_label(row)} itself",
        on_click=go_to,
        args=("train", row),
        disabled=disabled,
    )
