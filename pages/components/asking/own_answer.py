"""What the model answers itself: written while one looks on, and kept for the session."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from backend.errors import InputError
from backend.workspace import Workspace
from pages.components import keys
from pages.components.markup import show, tag
from pages.components.number_field import Faults, ask_number, ask_whole, say_faults
from pages.components.typed_number import Limits
from pages.components.workspaces import Asked, written_answer

MOST, TEMPERATURE, SEED = Limits(1, 2_048, whole=True), Limits(0, 10), Limits(0, 2**32 - 1, whole=True)
MOST_KEPT = 20  # answers of a session
STOPS = {
    "end": "",
    "length": "It was cut off at so many tokens.",
    "full": "It was cut off: the model reads no more.",
}


@dataclass(frozen=True)
class Manner:
    """How the model writes; see `backend.model.generation.Writing`."""

    most: int = 128
    temperature: float = 0.0
    seed: int = 0


def own_answer(workspace: Workspace, asked: Asked) -> tuple[str, bool] | None:
    """The model's answer to the question's prompt or row; None, said in a line, where it says nothing.

    It is written again only where model, question or manner are others.
    """
    faults = Faults()
    manner = _ask_manner(faults)
    if faults:
        say_faults(faults)
        return None
    index = workspace.folder.require("index", "precompute").id
    subject = (str(workspace.path), index, asked, manner)
    kept: dict[object, tuple[str, str]] = keys.get(keys.OWN_ANSWERS) or {}
    if subject not in kept:
        kept = dict(list(kept.items())[-MOST_KEPT:])
        kept[subject] = _write(workspace, asked, manner)
        keys.put(keys.OWN_ANSWERS, kept)
    text, stopped = kept[subject]
    if STOPS.get(stopped):
        st.caption(STOPS[stopped])
    if not text.strip():
        st.info("The model answers nothing: there are no words to explain.", icon=":material/chat_bubble:")
        return None
    return text, stopped != "end"


def _ask_manner(faults: Faults) -> Manner:
    with st.popover("How the model answers", icon=":material/tune:", type="tertiary"):
        most = ask_whole("Most tokens", keys.OWN_MOST, MOST, Manner.most, faults)
        help = "0: the likeliest word each time. Above: drawn at random, the same for the same seed."
        heat = ask_number(
            "Temperature", keys.OWN_TEMPERATURE, TEMPERATURE, Manner.temperature, faults, help=help
        )
        seed = ask_whole("Seed", keys.OWN_SEED, SEED, Manner.seed, faults)
    return Manner(most, Manner.temperature if heat is None else heat, seed)


def _write(workspace: Workspace, asked: Asked, manner: Manner) -> tuple[str, str]:
    """The answer, shown as it grows, and why it ended."""
    place = st.empty()

    def told(text: str) -> None:
        with place:
            show(tag("p", text or "…", cls="fw-text fw-writing", dir="auto", role="status"))

    told("")
    try:
        return written_answer(workspace, asked, vars(manner), told)
    except InputError as error:
        raise InputError(f"the model can't answer: {error}") from error
    finally:
        place.empty()
