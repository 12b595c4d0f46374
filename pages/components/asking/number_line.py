"""A predicted number on the line from the least to the largest target of the training rows."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from backend.data.targets.number_space import NumberSpace, as_target
from backend.influence.answers.explanation import Query

GREYS = {"light": ("#6B7785", "#C3CAD2"), "dark": ("#C3CAD2", "#59626D")}  # predicted, the line
GIVEN = "#D55E00"


def show_number(query: Query, space: NumberSpace) -> None:
    """The line, with the number that the row was given where it was given one."""
    value = next(iter(query.outputs.values()))
    given = "" if query.given is None else f", given {query.given}"
    st.plotly_chart(
        number_figure(query, space, "dark" if st.context.theme.type == "dark" else "light"),
        config={"displayModeBar": False, "staticPlot": True},
        alt=f"Predicted {value:.3g}{given}; training rows from {space.low:.3g} to {space.high:.3g}",
    )


def number_figure(query: Query, space: NumberSpace, theme: str) -> go.Figure:
    """The figure alone."""
    predicted, line = GREYS[theme]
    value = next(iter(query.outputs.values()))
    points = [("predicted", value, predicted, "diamond", "top center")]
    if query.given is not None:
        points.append(("given", float(query.given), GIVEN, "circle", "bottom center"))
    figure = go.Figure(
        go.Scatter(x=[space.low, space.high], y=[0, 0], mode="lines", line={"color": line, "width": 6})
    )
    figure.add_scatter(
        x=[space.middle],
        y=[0],
        mode="markers",
        marker={"color": predicted, "symbol": "line-ns-open", "size": 16},
    )
    for name, x, colour, symbol, place in points:
        figure.add_scatter(
            x=[x],
            y=[0],
            mode="markers+text",
            marker={"color": colour, "symbol": symbol, "size": 15},
            text=[f"{name} {x:.3g}"],
            textposition=place,
        )
    ends = [min(space.low, *(x for _, x, *_ in points)), max(space.high, *(x for _, x, *_ in points))]
    margin = 0.08 * (ends[1] - ends[0])
    marks = [space.low, space.middle, space.high]
    return figure.update_layout(
        height=130,
        margin={"l": 0, "r": 0, "t": 4, "b": 4},
        showlegend=False,
        xaxis={
            "range": [ends[0] - margin, ends[1] + margin],
            "tickvals": marks,
            "ticktext": [
                f"{as_target(each)}" + (" (median)" if each == space.middle else "") for each in marks
            ],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
        yaxis={"visible": False, "range": [-1, 1], "fixedrange": True},
    )
