"""Every score that there is: its state, what a high value means, what it serves, its cost and source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from backend.folder import ArtifactState
from backend.manifest import TaskName
from backend.scores.registry import producers_for
from backend.scores.score import Producer, Score, serves_word
from backend.workspace import Workspace
from pages.components.badges import STATE_TONES, badge
from pages.components.facts import facts
from pages.components.markup import Html, show, tag
from pages.components.missing import offer_missing
from pages.components.score_job import offer_producer
from pages.components.score_values import ScoreValues
from pages.components.scores.pruning_curve import show_pruning_curve
from pages.components.tables import table

STATES: tuple[ArtifactState, ...] = ("current", "stale", "missing")
HEADERS = ("score", "serves", "a high value means", "formula and source")


def show_states(workspace: Workspace, values: ScoreValues) -> None:
    """One box for each pass that makes scores; below, what pruning by a score did, if that was tried."""
    task = workspace.manifest.task.name
    known = producers_for(task)
    counts = Counter(values.states[name] for name, each in known.items() for _ in each.scores_for(task))
    show(facts((f"{state} scores", f"{counts[state]:,}") for state in STATES))
    st.space("small")
    offer_missing(workspace)
    for name, producer in known.items():
        with st.container(border=True, gap="small"):
            show(_head(producer, values.states[name], workspace))
            show(tag("div", _scores(producer.scores_for(task), task), cls="fw-scroll"))
            if values.states[name] != "current":
                offer_producer(workspace, producer, primary=False)
    show_pruning_curve(workspace)


def _head(producer: Producer, state: str, workspace: Workspace) -> Html:
    return tag(
        "div",
        tag("b", producer.name),
        badge(state, STATE_TONES[state]),
        _raw(producer, workspace),
        tag("span", f"cost: {producer.cost.replace('`', '')}", cls="fw-muted"),
        cls="fw-head",
    )


def _raw(producer: Producer, workspace: Workspace) -> Html:
    """That the log is there already, where only the scores of them are to be computed."""
    there = producer.name == "dynamics" and workspace.folder.state("dynamics") == "current"
    return tag("span", "its looks of the training are there" if there else "", cls="fw-muted")


def _scores(scores: Sequence[Score], task: TaskName) -> Html:
    rows = (
        (
            tag("div", each.title, tag("div", each.name, cls="fw-mono")),
            tag("div", serves_word(each.serves, task), _end(each)),
            each.high,
            tag("div", tag("div", each.formula, cls="fw-mono"), tag("div", each.source, cls="fw-muted")),
        )
        for each in scores
    )
    return table(HEADERS, rows)


def _end(score: Score) -> Html:
    return tag("div", f"look at {score.suspect} values", cls="fw-muted")
