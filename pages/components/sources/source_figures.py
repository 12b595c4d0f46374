"""The plots of the audit: alignment, weights, their way over the checkpoints, and the cosines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from pages.components.plots import COLOURS, HARMS, HELPS, SYMBOLS, named_axis, plot_text
from pages.components.sources.source_rows import SourceRow, source_rows, steps_of

if TYPE_CHECKING:  # torch is imported when there is something to compute
    from backend.audit.sources import Sources

BAR, ABOVE = 30, 70  # pixels for a bar, and for axis and margins
DRAWN_LINES = len(COLOURS)
NUMBERED = 12  # sources up to which every cosine is written in its cell


def alignment_figure(rows: Sequence[SourceRow]) -> go.Figure:
    """Mean alignment of every source with its 95 % interval; below 0 hatched."""
    shown = list(rows)[::-1]
    means = [each.mean or 0.0 for each in shown]
    bars = go.Bar(
        x=means,
        y=list(range(len(shown))),
        orientation="h",
        marker={
            "color": [HELPS if each >= 0 else HARMS for each in means],
            "pattern": {"shape": ["" if each >= 0 else "/" for each in means]},
        },
        error_x={
            "type": "data",
            "array": [each.margin for each in shown],
            "thickness": 1.2,
            "color": "#7F7F7F",
        },
        hovertext=[
            f"{plot_text(each.source)}<br>{each.rows:,} rows<br>"
            f"mean {each.mean or 0:+.3g} ± {each.margin:.2g}"
            for each in shown
        ],
        hoverinfo="text",
    )
    return _bars(bars, shown, "mean alignment (above 0: lowered the loss of the trusted rows)")


def weights_figure(rows: Sequence[SourceRow]) -> go.Figure:
    """The weight that one step gives every source, beside the equal weights that it starts from."""
    shown = list(rows)[::-1]
    bars = go.Bar(
        x=[each.weight for each in shown],
        y=list(range(len(shown))),
        orientation="h",
        marker_color="#7F8A96",
        hovertext=[f"{plot_text(each.source)}<br>weight {each.weight:.3f}" for each in shown],
        hoverinfo="text",
    )
    figure = _bars(bars, shown, "weight of one step (dotted: equal weights)")
    return figure.add_vline(x=1 / len(shown), line_dash="dot", line_color="#7F7F7F")


def trajectory_figure(sources: Sources) -> go.Figure:
    """The weights over the checkpoints, of the sources whose weight is furthest from the equal one."""
    steps = steps_of(sources)
    of_step = [{each.source: each.weight for each in source_rows(sources, step)} for step in steps]
    names = sorted(of_step[0], key=lambda name: -max(abs(each[name] - 1 / len(each)) for each in of_step))
    figure = go.Figure(
        [
            go.Scatter(
                x=steps,
                y=[each[name] for each in of_step],
                name=plot_text(name),
                mode="lines+markers",
                line_color=colour,
                marker={"symbol": symbol, "size": 8},
            )
            for name, colour, symbol in zip(names, COLOURS, SYMBOLS, strict=False)
        ]
    )
    figure.update_layout(
        height=280,
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        showlegend=True,
        xaxis={"title": "training step", "fixedrange": True},
        yaxis={"title": "weight", "fixedrange": True},
    )
    return figure


def cosine_figure(sources: Sources, step: int | None, names: Sequence[str], dark: bool) -> go.Figure:
    """Cosines between the gradients of sources, in the order of ``names``."""
    pairs = {
        (each["source"], each["other"]): each["cosine"]
        for each in sources.cosines.to_pylist()
        if each["step"] == step
    }
    matrix = [[pairs[one, other] for other in names] for one in names]
    middle = "#1E2127" if dark else "#F4F6F8"
    map_ = go.Heatmap(
        z=matrix,
        zmin=-1,
        zmax=1,
        colorscale=[[0, HARMS], [0.5, middle], [1, HELPS]],
        texttemplate="%{z:+.2f}" if len(names) <= NUMBERED else None,
        hovertext=[
            [f"{plot_text(a)}<br>{plot_text(b)}<br>cosine {pairs[a, b]:+.2f}" for b in names] for a in names
        ],
        hoverinfo="text",
        colorbar={"title": "cosine", "thickness": 12},
    )
    figure = go.Figure(map_)
    figure.update_layout(
        height=max(220, 34 * len(names) + 90),
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        xaxis={**named_axis(list(names), 18), "title": "source"},
        yaxis={**named_axis(list(names)), "title": "source", "autorange": "reversed"},
    )
    return figure


def _bars(bars: go.Bar, shown: Sequence[SourceRow], title: str) -> go.Figure:
    figure = go.Figure(bars)
    figure.update_layout(
        height=BAR * len(shown) + ABOVE,
        margin={"l": 0, "r": 10, "t": 6, "b": 0},
        bargap=0.35,
        showlegend=False,
        xaxis={"title": title, "fixedrange": True, "zeroline": True},
        yaxis=named_axis([each.source for each in shown]),
    )
    return figure
