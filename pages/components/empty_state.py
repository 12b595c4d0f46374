"""In place of what is not there yet: what the page is for, what is missing, and the button that makes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from backend.workspace import Workspace
from pages.components.go_to import ask_to_turn
from pages.components.missing import offer_missing
from pages.components.purposes import PURPOSES

Offer = Callable[[], None]


def show_empty(page: str, missing: str, offer: Offer) -> None:
    """Say both in one box, and draw ``offer``: exactly one primary button, in words for what it does."""
    st.info(f"{PURPOSES[page]} {missing}", icon=":material/info:")
    offer()


def lead_to(page: str, label: str, place: str = "") -> Offer:
    """A primary button that turns to another page; ``place`` tells two of them on one page apart."""
    return partial(_lead, page, label, f"next-{place or page}")


def need_workspace(page: str, place: str = "") -> None:
    """There is no workspace at all."""
    begin = lead_to("overview", "Begin with a demo or your own data", place)
    show_empty(page, "There is no workspace yet.", begin)


def need_model(page: str, state: str) -> None:
    """The model is missing or stale: a choice to be made on Overview."""
    missing = f"The model of this workspace is {state}; it must be trained first."
    show_empty(page, missing, lead_to("overview", "Train it on the Overview page"))


def need_index(page: str, state: str, workspace: Workspace) -> None:
    """The training examples have not been traced, or something else has been since."""
    missing = f"The index of this workspace is {state}; questions can be answered once it is there."
    show_empty(page, missing, partial(offer_missing, workspace))


def _lead(page: str, label: str, key: str) -> None:
    st.button(
        label,
        key=key,
        type="primary",
        icon=":material/arrow_forward:",
        on_click=ask_to_turn,
        args=(page,),
    )
