"""A pair over the page that it was asked on: the ribbons, and the way to its own page."""

from __future__ import annotations

import streamlit as st

from backend.workspace import Workspace
from pages.components import keys
from pages.components.copy_link import copy_link
from pages.components.pair.pair_question import AskedPair, pair_address
from pages.components.pair.pair_view import show_comparison
from pages.components.workspaces import Asked, explain_pair


def offer_pair(asked: Asked, train: str, key: str) -> None:
    """The button of a card."""
    st.button(
        "Show as a pair",
        key=f"pair-{key}",
        icon=":material/compare_arrows:",
        type="tertiary",
        help="Both texts with ribbons between their words",
        on_click=keys.put,
        args=(keys.PAIR_OPEN, AskedPair(asked, train)),
    )


def show_offered_pair(workspace: Workspace, asked: Asked) -> None:
    """The dialog, until it is closed or the page turns to another question."""
    offered: AskedPair | None = keys.get(keys.PAIR_OPEN)
    if offered is None:
        return
    if offered.asked == asked:
        _dialog(workspace, offered)
    else:
        close_pair()


def close_pair() -> None:
    """Forget the pair that is shown in the dialog."""
    keys.put(keys.PAIR_OPEN, None)


@st.dialog("Pair", width="large", on_dismiss=close_pair)
def _dialog(workspace: Workspace, asked: AskedPair) -> None:
    show_comparison(explain_pair(workspace, asked.asked, asked.train))
    address = pair_address(workspace, asked.asked, asked.train)
    with st.container(horizontal=True, vertical_alignment="center"):
        if address is not None:
            st.page_link(
                "pages/pair.py",
                label="Open as a page, with its neighbours",
                icon=":material/open_in_full:",
                query_params=address,
            )
        copy_link(address, "pair")
