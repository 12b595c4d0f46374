"""What a strategy did while training: the mixture over time, what was masked."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from backend.workspace import Workspace
from pages.components.conversation.row_view import target_badge
from pages.components.conversation.shown_text import shown_text
from pages.components.markup import plain_label, short, show, tag
from pages.components.numbers import percent
from pages.components.plots import COLOURS, draw, plot_text, rows_axis
from pages.components.tables import table

MOST_SOURCES = 8
MOST_CLASSES = 25
MOST_POINTS = 500
MOST_ROWS = 10


def show_recipes(workspace: Workspace, report: dict[str, Any], key: str) -> None:
    """For every arm whose recipe recorded something."""
    for number, arm in enumerate(report["arms"]):
        logs = [phase for of_seed in arm.get("logs", []) for phase in of_seed if phase]
        mixtures = [log for log in logs if log.get("trajectory")]
        masks = [log for log in logs if "masked_by_class" in log]
        if mixtures:
            _show_mixture(arm["name"], mixtures, f"{key}-mixture-{number}")
        if masks:
            _show_masks(workspace, masks, f"{key}-masks-{number}")


def _show_mixture(arm: str, logs: list[dict[str, Any]], key: str) -> None:
    st.subheader(f"Mixture over time: {plain_label(arm)}")
    sources = len(logs[0]["sources"])
    draw(mixture_figure(logs), "Share of each source among the rows drawn, over training steps", key)
    hidden = sources - MOST_SOURCES
    st.caption(
        ("Mean of the seeds. " if len(logs) > 1 else "")
        + "The weight of a source is the share of rows drawn from it."
        + (f" The {hidden} sources that changed least are not shown." if hidden > 0 else "")
    )


def mixture_figure(logs: list[dict[str, Any]]) -> go.Figure:
    """The weight of each source over the steps, mean of the seeds; of many sources those that moved most."""
    length = min(len(log["trajectory"]) for log in logs)
    every = max(1, -(-length // MOST_POINTS))
    steps = [each["step"] for each in logs[0]["trajectory"][:length:every]]
    weights = np.mean(
        [[each["weights"] for each in log["trajectory"][:length:every]] for log in logs], axis=0
    )
    moved = np.argsort(-np.ptp(weights, axis=0), kind="stable")[:MOST_SOURCES]
    made = go.Figure()
    for number, source in enumerate(sorted(moved.tolist())):
        made.add_trace(
            go.Scatter(
                x=steps,
                y=weights[:, source],
                mode="lines",
                name=plot_text(logs[0]["sources"][source]),
                line={"color": COLOURS[number % len(COLOURS)], "dash": ("solid", "dash", "dot")[number % 3]},
            )
        )
    made.update_xaxes(title_text="training step", fixedrange=True)
    made.update_yaxes(title_text="weight of the source", rangemode="tozero", fixedrange=True)
    made.update_layout(height=320, margin={"l": 0, "r": 10, "t": 10, "b": 10})
    return made


def _show_masks(workspace: Workspace, logs: list[dict[str, Any]], key: str) -> None:
    st.subheader("What was masked")
    limit = sorted({name for log in logs for name in log.get("classes_masked_to_the_limit", [])})
    if limit:
        named = ", ".join(plain_label(name, 40) for name in limit[:5])
        st.warning(f"Masked up to the limit, so the mask may be against the whole class: {named}.")
    left, right = st.columns([0.45, 0.55], gap="medium")
    with left:
        draw(masked_figure(logs), "Share of the rows of each class that were masked", key)
    with right:
        _show_masked_rows(workspace, logs)


def masked_figure(logs: list[dict[str, Any]]) -> go.Figure:
    """Share masked of each class, a dot for every seed."""
    names = list(logs[0]["masked_by_class"])
    names.sort(key=lambda name: -float(np.mean([log["masked_by_class"].get(name, 0) for log in logs])))
    shown = names[:MOST_CLASSES]
    made = go.Figure()
    for log in logs:
        made.add_trace(
            go.Scatter(
                x=[log["masked_by_class"].get(name, 0) for name in shown],
                y=list(range(len(shown))),
                mode="markers",
                marker={"color": COLOURS[0], "size": 9, "opacity": 0.7},
                hovertemplate="%{x:.1%}<extra></extra>",
            )
        )
    made.update_xaxes(
        title_text="share of its rows masked, a dot a seed",
        tickformat=".0%",
        rangemode="tozero",
        fixedrange=True,
    )
    made.update_yaxes(**rows_axis(shown, 22))
    made.update_layout(
        height=36 * len(shown) + 90, margin={"l": 0, "r": 10, "t": 10, "b": 10}, showlegend=False
    )
    return made


def _show_masked_rows(workspace: Workspace, logs: list[dict[str, Any]]) -> None:
    rows = most_masked(logs)
    split = workspace.train_split
    cells = [
        (
            percent(share),
            target_badge(split, split.labels[place]),
            tag("span", short(shown_text(split, place), 120), dir="auto"),
        )
        for place, share in rows
        if 0 <= place < len(split)
    ]
    if cells:
        show(table(("masked", "class", "training row"), cells, numbers=(0,)))
        st.caption("The rows masked most often, over all seeds.")


def most_masked(logs: list[dict[str, Any]]) -> list[tuple[int, float]]:
    """Places of the training rows masked most, with the mean share of the times that they were."""
    total: dict[str, float] = {}
    for log in logs:
        for place, share in log.get("masked_share", {}).items():
            total[place] = total.get(place, 0.0) + share / len(logs)
    best = sorted(total.items(), key=lambda item: -item[1])[:MOST_ROWS]
    return [(int(place), share) for place, share in best if share > 0 and str(place).isdigit()]
