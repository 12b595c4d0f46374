"""The steps of a new workspace, all in sight from the start: a later one says what it needs."""

from __future__ import annotations

import streamlit as st

from pages.components.markup import show, tag

STEPS = {
    "Training data": "",
    "Columns": "the training data",
    "Evaluation rows": "the training data",
    "Check": "the columns with text and label, and the rows to evaluate on",
    "Model": "rows that passed the check",
    "Name and start": "a model",
}


def step_title(name: str) -> None:
    """Head of a step's card."""
    st.subheader(f"{_number(name)}. {name}")


def steps_to_come(*names: str) -> None:
    """A quiet card for each step whose turn has not come."""
    for name in names:
        with st.container(border=True):
            show(
                tag(
                    "div",
                    tag("span", f"{_number(name)}. {name}", cls="fw-step"),
                    tag("span", f"needs {STEPS[name]}", cls="fw-muted"),
                    cls="fw-head fw-gone",
                    aria_disabled="true",
                )
            )


def _number(name: str) -> int:
    return list(STEPS).index(name) + 1
