"""What is explained: the text, what the model says about it, and what there is to know."""

from __future__ import annotations

import streamlit as st

from backend.data.rowstate import RowState
from backend.data.targets.number_space import NumberSpace
from backend.influence.answers.explanation import Explanation, Query
from backend.workspace import Workspace
from pages.components.asking.number_line import show_number
from pages.components.asking.probabilities import show_probabilities
from pages.components.badges import decision_badge, label_badge, verdict_badge
from pages.components.conversation.answer_view import query_strip, query_view
from pages.components.markup import Html, join, short, show, tag
from pages.components.numbers import Unit

MOST_CHARACTERS = 20_000


def show_query(workspace: Workspace, explanation: Explanation, unit: Unit, state: RowState | None) -> None:
    """Text and badges on the left, probabilities on the right, notices beneath."""
    query = explanation.query
    if query.fields:
        show(query_view(query))
        with st.expander("Loss of every token"):
            show(query_strip(query))
        _show_notices(explanation, unit)
        return
    left, right = st.columns([0.62, 0.38], gap="large", vertical_alignment="center")
    with left:
        texts = [query_text(text) for text in (query.text, query.text_b) if text is not None]
        show(tag("div", *texts, _badges(query, state)))
    with right:
        if isinstance(workspace.space, NumberSpace):
            show_number(query, workspace.space)
        else:
            show_probabilities(query, workspace.space.labels_of(query.predicted))
    _show_notices(explanation, unit)


def _show_notices(explanation: Explanation, unit: Unit) -> None:
    notices = _notices(explanation, unit)
    if notices:
        show(join(tag("div", short(line, 2_000), cls="fw-notice") for line in notices))


def query_text(text: str) -> Html:
    """The text; of a very long one its beginning, which is what a model reads."""
    hidden = len(text) - MOST_CHARACTERS
    more = tag("span", f" … {hidden:,} more characters", cls="fw-muted") if hidden > 0 else ""
    return tag("p", text[:MOST_CHARACTERS], more, cls="fw-query", dir="auto", tabindex="0")


def _badges(query: Query, state: RowState | None) -> Html:
    parts = [label_badge(query.predicted, "predicted")]
    if query.given is not None:
        parts.append(label_badge(query.given, "labelled"))
        parts.append(verdict_badge(query))
    if state is not None:
        parts.append(decision_badge(state))
    if query.row is not None:
        parts.append(tag("span", f"{query.split} {short(query.row)}", cls="fw-mono"))
    return tag("div", *parts, cls="fw-badges", style="margin-top:0.8rem")


def _notices(explanation: Explanation, unit: Unit) -> list[str]:
    lines = list(explanation.notes)
    own = explanation.excluded
    if own is not None:
        name = "Its self-influence" if own.self_influence else "Its own influence on this question"
        lines.append(f"{name}: {unit.signed(own.score)} {unit.name}".strip() + ".")
    return lines
