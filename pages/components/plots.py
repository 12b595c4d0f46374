"""What all plots share: colours told apart with any kind of colour vision, and names made harmless."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from pages.components.markup import short

HELPS, HARMS = "#0072B2", "#D55E00"  # blue and vermillion of Okabe and Ito, as in the texts
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#8A7A00", "#7F7F7F")
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "cross", "star", "triangle-down")
GREY = "#87919D"


def tools(name: str, format: str = "svg") -> dict[str, Any]:
    """The configuration of a plot whose only tool, while the pointer is over it, saves it as a picture."""
    return {
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"format": format, "filename": f"firstword-{name}"},
    }


def plot_text(text: str, limit: int = 28) -> str:
    """A data set's text for a plot, which reads a little HTML: cut, on one line, and without any meaning."""
    return html.escape(short(" ".join(text[: 10 * limit].split()), limit), quote=True)


def is_dark() -> bool:
    """Whether the browser shows the dark theme."""
    return bool(st.context.theme.type == "dark")


def named_axis(names: Sequence[str], limit: int = 28) -> dict[str, Any]:
    """An axis with one place per name, 0 to n - 1: two names that are cut alike stay apart."""
    return {
        "tickvals": list(range(len(names))),
        "ticktext": [f"{plot_text(name, limit)} " for name in names],
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
    }


def rows_axis(names: Sequence[str], limit: int = 28) -> dict[str, Any]:
    """A vertical axis with one place for each name, the first on top."""
    return {**named_axis(names, limit), "range": [len(names) - 0.4, -0.6]}


def draw(figure: go.Figure, alt: str, key: str) -> None:
    """Put a figure on the page."""
    st.plotly_chart(figure, config=tools(key), alt=short(alt, 500), key=key)
