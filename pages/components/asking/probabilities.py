"""Class probabilities as bars."""

from __future__ import annotations

import html
from collections.abc import Collection

import plotly.graph_objects as go
import streamlit as st

from backend.influence.answers.explanation import Query
from pages.components.markup import distinct, short

MOST = 8
LONGEST_NAME = 32  # characters beside a bar
GREYS = {"light": ("#6B7785", "#C3CAD2"), "dark": ("#C3CAD2", "#59626D")}  # predicted class, others


def show_probabilities(query: Query, predicted: Collection[str] | None = None) -> None:
    """Bars of the most probable classes; the ``predicted`` ones, by default the one, stand out."""
    st.plotly_chart(
        probability_figure(query, "dark" if st.context.theme.type == "dark" else "light", predicted),
        config={"displayModeBar": False, "staticPlot": True},
        alt="Class probabilities: "
        + ", ".join(f"{short(name)} {value:.2f}" for name, value in _shown(query)),
    )
    hidden = len(query.probabilities) - MOST
    if hidden > 0:
        kinds = ("class", "classes") if query.task == "classification" else ("label", "labels")
        st.caption(f"{hidden:,} less probable {kinds[hidden != 1]} not shown.")


def probability_figure(query: Query, theme: str, named: Collection[str] | None = None) -> go.Figure:
    """The figure alone."""
    shown = _shown(query)[::-1]
    stand_out = (query.predicted,) if named is None else named
    predicted, other = GREYS[theme]
    names = distinct([name for name, _ in shown], LONGEST_NAME)
    figure = go.Figure(
        go.Bar(
            x=[value for _, value in shown],
            y=list(range(len(shown))),
            orientation="h",
            marker_color=[predicted if name in stand_out else other for name, _ in shown],
            text=[f"{value:.3f}" for _, value in shown],
            textposition="outside",
            cliponaxis=False,
        )
    )
    figure.update_layout(
        height=30 * len(shown) + 16,
        margin={"l": 0, "r": 44, "t": 4, "b": 4},
        bargap=0.35,
        showlegend=False,
        xaxis={"visible": False, "range": [0, 1.02], "fixedrange": True},
        yaxis={
            "tickvals": list(range(len(shown))),
            "ticktext": [_name(names[name], name in stand_out) for name, _ in shown],
            "showgrid": False,
            "fixedrange": True,
        },
    )
    return figure


def _shown(query: Query) -> list[tuple[str, float]]:
    ranked = sorted(query.probabilities.items(), key=lambda item: -item[1])
    return ranked[:MOST]


def _name(title: str, is_predicted: bool) -> str:
    name = html.escape(title, quote=True)
    return f"<b>{name}</b> " if is_predicted else f"{name} "
