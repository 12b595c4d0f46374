"""A question's answer, in places of its own that are emptied before anything slow begins.

Streamlit leaves what is on the page where it is until the same place is written again. An old answer's
cards would stay, with buttons that work, under a new question for as long as that is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from backend.errors import InputError
from backend.influence.answers.explanation import Explanation
from backend.workspace import Workspace
from pages.components import keys
from pages.components.asking.preparation import is_prepared, offer_preparation
from pages.components.asking.query_panel import show_query
from pages.components.asking.question import ask_count, ask_label, ask_method, ask_score
from pages.components.inspect.beside import show_beside
from pages.components.inspect.results import list_unit, show_results
from pages.components.markup import plain_label, show, tag
from pages.components.reason_field import ask_reason
from pages.components.workspaces import Asked, explain, version

WAITING = "tracing the prediction …"


@dataclass(frozen=True)
class Places:
    """Where the parts of an answer go; each is an `st.empty`."""

    query: DeltaGenerator
    question: DeltaGenerator
    results: DeltaGenerator

    def wait(self) -> None:
        """Take the old answer away: an element in a container's place removes all that was in it."""
        with self.query:
            show(tag("div", WAITING, cls="fw-waiting", role="status"))
        self.results.empty()


def show_answer(workspace: Workspace, asked: Asked) -> None:
    """The query, the question about it and the results; what does not depend on them stays in place."""
    query = st.empty()
    question, reason, method, score, count = st.columns(
        [0.34, 0.22, 0.18, 0.15, 0.11], vertical_alignment="bottom"
    )
    places = Places(query, question.empty(), st.empty())
    with reason:
        ask_reason("inspect", "Reason for your decisions")
    with method:
        asked = replace(asked, method=ask_method(workspace))
    with score:
        asked = replace(asked, score=ask_score(asked.method, workspace.manifest.task.name))
    with count:
        asked = replace(asked, k=ask_count())
    if is_prepared(workspace, asked.method):
        _fill(places, workspace, asked)
    else:
        keys.put(keys.SHOWN, None)
        with places.results.container():
            offer_preparation(workspace, asked.method)


def _fill(places: Places, workspace: Workspace, asked: Asked) -> None:
    # The answer that is on the page already is only drawn over: else each decision would scroll to the top.
    subject = (str(workspace.path), version(workspace), asked)
    shown = keys.get(keys.SHOWN)
    if shown is None or shown[0] != subject:
        keys.put(keys.SHOWN, None)
        places.question.empty()
        places.wait()
    try:
        explanation = explain(workspace, asked)
    except InputError:
        places.query.empty()  # nothing is traced any more
        raise
    with places.question.container():
        label = _ask_label(workspace, explanation, asked)
    if keys.get(keys.SHOWN) not in (None, (subject, label)):
        keys.put(keys.SHOWN, None)
        places.wait()
    if label != explanation.query.label:
        explanation = explain(workspace, replace(asked, label=label))
    keys.put(keys.SHOWN, (subject, label))
    row = explanation.query.row if explanation.query.split == "train" else None
    with places.query.container(border=True):
        show_query(
            workspace,
            explanation,
            list_unit(explanation),
            workspace.review.states().get(row) if row else None,
        )
        if asked.about is not None:
            show_beside(workspace, explanation.query, replace(asked, k=0, method="", score=""))
    with places.results.container():
        show_results(workspace, explanation, None if asked.about is None else replace(asked, k=10))


def _ask_label(workspace: Workspace, explanation: Explanation, asked: Asked) -> str:
    """What is asked about the query; of a language model's answer that is said above."""
    if asked.about is None:
        return ask_label(workspace, explanation, replace(asked, k=0, method="", score=""))
    asked_in_words = explanation.query.asked
    st.markdown(f"**{plain_label(asked_in_words[:1].upper() + asked_in_words[1:], 200)}?**")
    return explanation.query.label
