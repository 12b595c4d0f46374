"""The demo workspaces that are not there yet, each at a click."""

from __future__ import annotations

import streamlit as st

from backend.demos.build import DEMOS, SENTENCES, demo_command
from pages.components.job_panel import job_panel

_WORDS = {
    "classification": (
        "Build the demo",
        "Movie reviews and a small classifier, fine-tuned on this machine. Takes a few minutes, once; no "
        "network needed.",
    ),
    "multilabel": (
        "Build the demo of label sets",
        "Requests to a shop with one topic or several, some of them wrong. Takes a few minutes, once.",
    ),
    "regression": (
        "Build the demo of numbers",
        "Reviews with one to five stars, some of them upside down. Takes a few minutes, once.",
    ),
    "causal-lm": (
        "Build the demo of a language model",
        "Chats about invented people and things, some of them wrong, and SmolLM2 with an adapter. Takes "
        "about ten minutes, once.",
    ),
}


def offer_demos(primary: bool = True) -> None:
    """Offer them; the first is the one to begin with, ``primary`` where nothing else is."""
    for task, demo in DEMOS.items():
        if (demo.path / "workspace.json").is_file():
            continue
        button, about = _WORDS[task]
        st.markdown(about)
        job_panel(demo_command(demo), button, primary=primary and demo is SENTENCES)


def are_demos_missing() -> bool:
    """Whether there is one to offer."""
    return any(not (demo.path / "workspace.json").is_file() for demo in DEMOS.values())
