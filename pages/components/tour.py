"""A tour in five steps, each a box at the head of the page that it speaks about.

It is offered on Overview to a browser that has not seen it, once there is a workspace to ask; Help starts it
again.
"""

from __future__ import annotations

import streamlit as st

from backend.errors import InputError
from backend.folder import Folder
from pages.components import keys
from pages.components.go_to import ask_to_turn
from pages.components.kept_cookie import keep_cookie, kept_cookie
from pages.components.markup import show, tag
from pages.components.tour_steps import STEPS, TourStep
from pages.components.workspaces import current_path

COOKIE, SEEN = "firstword-tour", "seen"
ENDED = -1


def show_tour(page: str) -> None:
    """Draw the step that is being taken, or the offer to take the first."""
    at = keys.get(keys.TOUR)
    if at == ENDED:
        keep_cookie(COOKIE, SEEN)
    elif at is not None:
        _show_step(at, page)
    elif page in ("", "overview") and not kept_cookie(COOKIE) and can_be_toured():
        _offer()


def can_be_toured() -> bool:
    """Whether there is a workspace that answers questions."""
    path = current_path()
    try:
        return path is not None and Folder(path).state("index") == "current"
    except InputError:  # the page says what is wrong with it
        return False


def start_button() -> None:
    """Begin with the first step."""
    _turn_button("Take the tour", "start", ":material/tour:", 0)


def _offer() -> None:
    with st.container(key="tour", horizontal=True, vertical_alignment="center"):
        show(tag("div", tag("b", "New here? "), "Five short steps, from a question to cleaned data."))
        start_button()
        _end_button("Skip")


def _show_step(at: int, page: str) -> None:
    step = STEPS[at]
    with st.container(key="tour"):
        if step.page != page:
            _lead_back(at, step)
            return
        show(
            tag(
                "div",
                tag("div", f"Tour, step {at + 1} of {len(STEPS)}", cls="fw-caption"),
                tag("b", step.name.capitalize()),
                ". ",
                step.text,
                cls=f"fw-tour-{step.name}",
                role="status",
            )
        )
        _buttons(at)


def _buttons(at: int) -> None:
    is_last = at == len(STEPS) - 1
    with st.container(horizontal=True, gap="small"):
        if at:
            _turn_button("Back", "back", ":material/arrow_back:", at - 1)
        if not is_last:
            _turn_button("Next", "next", ":material/arrow_forward:", at + 1)
        _end_button("Finish" if is_last else "Skip")


def _lead_back(at: int, step: TourStep) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _turn_button(f"Go on with the tour: {step.name}", "on", ":material/tour:", at)
        _end_button("Skip")


def _turn_button(label: str, key: str, icon: str, at: int) -> None:
    st.button(label, key=f"tour-{key}", icon=icon, on_click=_turn, args=(at,))


def _end_button(name: str) -> None:
    st.button(
        name,
        key="tour-end",
        type="tertiary",
        help="Ends the tour; Help starts it again",
        on_click=keys.put,
        args=(keys.TOUR, ENDED),
    )


def _turn(at: int) -> None:
    keys.put(keys.TOUR, at)
    ask_to_turn(STEPS[at].page)
