"""What all plots share: colours that colour-blind eyes tell apart, and data set texts that stay text."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from pages.components.markup import short

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7F7F7F")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "triangle-down", "x", "star", "hexagon")
GREY = "#87919D"


def plot_text(text: str, limit: int = 28) -> str:
    """A text for axes, legends and hovers: Plotly reads tags in them."""
    return html.escape(short(" ".join(text.split()), limit), quote=True)


def rows_axis(names: Sequence[str], limit: int = 28) -> dict[str, Any]:
    """A vertical axis with one place for each name, the first on top."""
    return {
        "tickvals": list(range(len(names))),
        "ticktext": [f"{plot_text(name, limit)} " for name in names],
        "range": [len(names) - 0.4, -0.6],
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }


def draw(figure: go.Figure, alt: str, key: str) -> None:
    """Put a figure on the page, without the bar of tools."""
    st.plotly_chart(figure, config={"displayModeBar": False}, alt=short(alt, 500), key=key)
