"""What leaving rows out by a score did to accuracy, if `retrain --strategy prune` has been run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from backend.scores.registry import all_scores
from backend.workspace import Workspace
from pages.components.markup import show, tag
from pages.components.numbers import plural
from pages.components.plots import HARMS, HELPS, tools

RANDOM = "random "  # how the arms that leave rows out by chance are named
Point = tuple[float, float, float]  # share of the rows that stayed, mean accuracy, its standard deviation


@dataclass(frozen=True)
class PruningCurve:
    """Accuracy over the share of rows that stayed: by a score, and at random."""

    score: str
    seeds: int
    pruned: list[Point]
    random: list[Point]


def show_pruning_curve(workspace: Workspace) -> None:
    """The curve of the newest such report; nothing where there is none."""
    found = newest_curve(workspace)
    if found is None:
        return
    st.subheader("What pruning by a score did")
    known = all_scores().get(found.score)
    title = known.title if known else found.score
    st.plotly_chart(
        pruning_figure(found),
        key="pruning",
        config=tools("pruning"),
        alt=f"Accuracy after pruning by {title}, against random.",
    )
    line = (
        "From the newest `retrain --strategy prune`: eval accuracy when only a share of the rows stayed, "
        f"chosen by {title} or at random; {plural(found.seeds, 'seed')}, bars are one "
        "standard deviation between seeds."
    )
    show(tag("p", line, cls="fw-muted"))


def newest_curve(workspace: Workspace) -> PruningCurve | None:
    """The newest report of the strategy `prune` that can be read."""
    for path in sorted(workspace.path.glob("retrains/*-prune/report.json"), reverse=True):
        try:
            return curve_of(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def curve_of(report: dict[str, Any]) -> PruningCurve:
    """The curve of a report of `prune`; KeyError or TypeError if it is none."""
    pruned: list[Point] = []
    random: list[Point] = []
    score = ""
    for arm in report["arms"]:
        accuracy = arm["figures"]["accuracy"]
        point = (float(arm["x"]), float(accuracy["mean"]), float(accuracy["sd"] or 0.0))
        if arm["name"] == report["reference"]:
            pruned.append(point)
            random.append(point)
        elif arm["name"].startswith(RANDOM):
            random.append(point)
        else:
            pruned.append(point)
            score = arm["name"].rsplit(" ", 1)[0]  # "el2n 90%"
    return PruningCurve(score, len(report["seeds"]), sorted(pruned), sorted(random))


def pruning_figure(curve: PruningCurve) -> go.Figure:
    """Both lines with their spread."""
    figure = go.Figure()
    for name, points, colour, dash in (
        (f"by {curve.score}", curve.pruned, HELPS, "solid"),
        ("at random", curve.random, HARMS, "dash"),
    ):
        shares, means, spreads = zip(*points, strict=True)
        figure.add_scatter(
            x=shares,
            y=means,
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash},
            error_y={"type": "data", "array": spreads},
        )
    figure.update_layout(
        height=300,
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        showlegend=True,
        xaxis={"title": "share of the training rows that stayed", "tickformat": ".0%", "fixedrange": True},
        yaxis={"title": "eval accuracy", "fixedrange": True},
    )
    return figure
