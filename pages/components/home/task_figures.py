"""How good a model of another task than one class is: its own figures, by label, or number against number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from backend.data.conversation_text import plain_texts
from backend.data.targets.label_sets import LabelSetSpace
from backend.data.targets.number_space import NumberSpace, as_target
from backend.data.targets.registry import kind_of
from backend.data.targets.text_space import TextSpace
from backend.model.label_figures import LabelFigures
from backend.tasks.task import Figure
from backend.workspace import Workspace
from pages.components.facts import facts
from pages.components.markup import Html, cut, show, tag
from pages.components.numbers import plural
from pages.components.plots import draw
from pages.components.tables import table
from pages.components.workspaces import opened, version

MOST_POINTS = 2_000
_BINS = 24


def task_facts(workspace: Workspace) -> list[tuple[str, str]]:
    """The task's figures on eval."""
    found = _measured(str(workspace.path), version(workspace)) or []
    return [(_named(each.title), f"{each.value:.3f}" if math.isfinite(each.value) else "–") for each in found]


def _named(title: str) -> str:
    """In the middle of a line: names of people and R2 keep their capital."""
    return title if title in ("R2", "Spearman") else title[:1].lower() + title[1:]


def show_targets(workspace: Workspace) -> None:
    """How the numbers of the training rows are spread, or how long the texts are that they teach."""
    space = workspace.space
    if isinstance(space, NumberSpace):
        values = space.numbers(workspace.train_split.labels)
        low, middle, high = map(as_target, (space.low, space.middle, space.high))
        show(tag("p", f"numbers from {low} to {high}, median {middle}", cls="fw-muted"))
        _spread(values, f"Histogram of {len(values):,} training targets from {low} to {high}")
    elif isinstance(space, TextSpace):
        told, lengths = _learnt(str(workspace.path), version(workspace))
        show(tag("p", told, cls="fw-muted"))
        alt = f"Histogram of what {len(lengths):,} training rows teach, in characters"
        _spread(lengths, alt, "characters that are learnt")


def _spread(values: np.ndarray, alt: str, unit: str = "") -> None:
    figure = go.Figure(go.Histogram(x=values, nbinsx=_BINS, marker_color="#6B7785"))
    figure.update_layout(
        height=190,
        margin={"l": 0, "r": 0, "t": 4, "b": 0},
        bargap=0.06,
        yaxis_title="training rows",
        xaxis_title=unit or None,
    )
    draw(figure, alt, "targets")


def show_task_figures(workspace: Workspace) -> None:
    """The card; nothing for one class out of several, or before there are predictions of the eval rows."""
    space = workspace.space
    if space.task == "classification" or workspace.folder.state("predictions") != "current":
        return
    with st.container(border=True, gap="small"):
        st.subheader("How good the model is")
        show(facts(task_facts(workspace)))
        found = workspace.predictions("eval")
        st.caption(f"Of {plural(len(found.table), 'eval row')}, by the last checkpoint.")
        if not isinstance(space, NumberSpace | LabelSetSpace):
            return
        given = space.numbers(found.table["label"].to_pylist())
        if labels := workspace.label_figures():
            show(tag("div", label_table(labels), cls="fw-scroll"))
        else:
            alt = f"Predicted against given numbers of {len(given):,} eval rows"
            draw(number_plot(given, found.outputs[:, 0]), alt, "numbers")


def label_table(labels: Sequence[LabelFigures]) -> Html:
    """Precision, recall, F1 at one half and average precision of each label, the worst first."""
    rows = [
        (
            cut(each.name, 40),
            f"{each.support:,}",
            f"{each.predicted:,}",
            *map(_share, (each.precision, each.recall, each.f1, each.average_precision)),
        )
        for each in sorted(labels, key=lambda each: each.f1 or 0.0)
        if each.f1 is not None
    ]
    heads = ("label", "eval rows", "predicted", "precision", "recall", "F1", "average precision")
    return table(heads, rows, numbers=(1, 2, 3, 4, 5, 6))


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def number_plot(given: np.ndarray, said: np.ndarray) -> go.Figure:
    """A point for each row (of many a sample), and the line on which both are equal."""
    chosen = np.random.default_rng(0).permutation(len(given))[:MOST_POINTS]
    ends = [float(min(given.min(), said.min())), float(max(given.max(), said.max()))]
    figure = go.Figure(
        go.Scatter(x=ends, y=ends, mode="lines", line={"color": "#9AA4AF", "dash": "dot"}, hoverinfo="skip")
    )
    figure.add_scatter(
        x=given[chosen],
        y=said[chosen],
        mode="markers",
        marker={"size": 5, "opacity": 0.55, "color": "#0072B2"},
        hovertemplate="given %{x:.3g}, predicted %{y:.3g}<extra></extra>",
    )
    return figure.update_layout(
        height=380,
        showlegend=False,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        xaxis_title="given",
        yaxis_title="predicted",
    )


@st.cache_data(max_entries=10, show_spinner=False)
def _learnt(path: str, artifacts: str) -> tuple[str, np.ndarray]:
    """How many turns the training rows have; and how many characters each of the rows teaches, int64 (n)."""
    workspace = opened(Path(path))
    info, rows = workspace.manifest.task, workspace.train_split.examples
    lengths = np.array([len(each) for each in plain_texts(rows, "learnt")], dtype=np.int64)
    return kind_of(info.name).summary(info, rows), lengths


@st.cache_data(max_entries=10, show_spinner=False)
def _measured(path: str, artifacts: str) -> list[Figure] | None:
    return opened(Path(path)).measured()
