"""How many rows have which values, with a line where one of them is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from pages.components.plots import HARMS


def histogram(
    edges: Sequence[float],
    counts: Sequence[int],
    title: str,
    mark: tuple[float, str] | None = None,
    log: bool = False,
) -> go.Figure:
    """Bars between ``edges``; ``mark``: a value and the words beside it; ``log``: counts on a log scale.

    ``title`` and the words are read as HTML by the plot: they must be harmless.
    """
    ends = np.asarray(edges, dtype=np.float64)
    figure = go.Figure(
        go.Bar(
            x=(ends[:-1] + ends[1:]) / 2,
            y=counts,
            width=np.diff(ends) * 0.92,
            marker_color="#7F8A96",
            hovertext=[
                f"{low:.3g} to {high:.3g}<br>{n:,} rows"
                for low, high, n in zip(ends[:-1], ends[1:], counts, strict=True)
            ],
            hoverinfo="text",
        )
    )
    if mark is not None:
        figure.add_vline(x=mark[0], line_color=HARMS, line_width=2, annotation_text=mark[1])
    figure.update_layout(
        height=250,
        margin={"l": 0, "r": 0, "t": 24, "b": 0},
        showlegend=False,
        xaxis={"title": title, "fixedrange": True},
        yaxis={"title": "training rows", "fixedrange": True, "type": "log" if log else "linear"},
    )
    return figure
