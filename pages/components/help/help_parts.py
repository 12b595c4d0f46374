"""The parts of the Help page."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from backend.influence.answers.registry import all_methods
from pages.components.badges import ACTION_TONES, ACTION_WORDS, CORRECTED, badge
from pages.components.help.help_texts import CAN, CANNOT, COSTS, DECISIONS, GLOSSARY, IDEA, KEYS, SCORE
from pages.components.legend import legend
from pages.components.markup import Html, show, tag
from pages.components.numbers import Unit
from pages.components.scale import ColourScale
from pages.components.tables import table

_SAMPLE = 0.01  # the full colour of the legend that explains colours


def show_method() -> None:
    """What influence is, what a score says, what it does not."""
    with st.container(border=True):
        st.subheader("The idea")
        for paragraph in IDEA:
            st.markdown(paragraph)
    with st.container(border=True):
        st.subheader("What a score says")
        for paragraph in SCORE:
            st.markdown(paragraph)
    can, cannot = st.columns(2, gap="medium")
    with can, st.container(border=True, height="stretch"):
        st.subheader("What it is good for")
        st.markdown(_bullets(CAN))
    with cannot, st.container(border=True, height="stretch"):
        st.subheader("What it is not")
        st.markdown(_bullets(CANNOT))


def show_decisions() -> None:
    """What each decision does to the exported data, and when it is right."""
    names = {**ACTION_WORDS, "relabel": f"{ACTION_WORDS['relabel']}, {CORRECTED}"}
    rows = [
        (badge(names[action], ACTION_TONES[action]), effect, when)
        for action, (effect, when) in DECISIONS.items()
    ]
    show(table(("decision", "what it does", "when"), rows))
    st.markdown(
        "A decision is stored at once and changes neither your file nor the model. It takes effect where you "
        "export, or train again. Every decision can be undone, also weeks later, on the Changes page; the "
        "log keeps who decided what, when and why. Undo and redo are entries, too."
    )


def show_reading() -> None:
    """The colours of words, and the keys."""
    with st.container(border=True):
        st.subheader("Colours")
        show(legend(ColourScale(_SAMPLE), Unit.of([_SAMPLE]), "what is explained"))
        st.markdown(
            "A solid underline and blue mean that the word pulled the model towards it; a dashed "
            "underline and orange mean that it pushed away. The stronger the colour, the more of the score "
            "the word carries. All examples of one answer share one scale, so that they compare. Words "
            "without colour carry next to nothing, often because they do not stand in both texts. The exact "
            "number appears when the pointer rests on a word, and in the table under each example."
        )
    with st.container(border=True):
        st.subheader("Keys")
        show(_narrow(KEYS, ("key", "what it does")))
        st.caption("Keys do nothing while a field or a switch has the focus; click beside it first.")


def show_glossary() -> None:
    """Words used in the app."""
    show(_two(GLOSSARY, ("word", "meaning")))


def show_cost() -> None:
    """What each step costs, and what other methods cost on top."""
    with st.container(border=True):
        st.subheader("Steps")
        show(_two(COSTS, ("step", "cost")))
        st.caption(
            "Measured on two processor cores, with the first two layers of MiniLM and three checkpoints; "
            "docs/measured.md has the tables. A GPU is used where there is one."
        )
    with st.container(border=True):
        st.subheader("Attribution methods")
        methods = [(tag("b", each.title), each.cost, each.limits) for each in all_methods().values()]
        show(table(("method", "cost", "limits"), methods))


def _bullets(lines: tuple[str, ...]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _two(shown: Mapping[str, str], headers: tuple[str, str]) -> Html:
    return table(headers, [(tag("b", name), meaning) for name, meaning in shown.items()])


def _narrow(shown: Mapping[str, str], headers: tuple[str, str]) -> Html:
    return tag("div", _two(shown, headers), cls="fw-narrow")
