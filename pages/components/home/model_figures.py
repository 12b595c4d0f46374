"""How good the model is: beside the largest class, class by class, and what it confuses with what."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from backend.model.figures import MATRIX, ClassFigures, Figures
from backend.workspace import Workspace
from pages.components.facts import facts
from pages.components.markup import Html, brief, cut, show, tag
from pages.components.numbers import percent, plural
from pages.components.plots import draw, named_axis, plot_text, rows_axis
from pages.components.tables import table
from pages.components.workspaces import opened, version

MOST_PAIRS = 20
_NARROW, _WIDE = 24, 40  # characters of a class's name beside the matrix, and on the whole width
_WORST_FIRST = 8  # classes from which on the worst come first


def show_model_figures(workspace: Workspace) -> None:
    """The card; nothing before there are predictions of the eval rows."""
    figures = model_figures(str(workspace.path), version(workspace))
    if figures is None or not figures.rows:
        return
    with st.container(border=True, gap="small"):
        st.subheader("How good the model is")
        show(facts(summary(figures)))
        if len(figures.classes) > MATRIX:  # names and numbers of a table take the whole width
            show(tag("div", class_figures(figures), cls="fw-scroll"))
            st.markdown("**Most confused**")
            show(tag("div", confused_pairs(figures), cls="fw-scroll"))
        else:
            left, right = st.columns([0.52, 0.48], gap="medium")
            with left:
                show(tag("div", class_figures(figures, _NARROW), cls="fw-scroll"))
            with right:
                alt = f"Confusion matrix of {figures.rows:,} eval rows, labels down, predicted across"
                draw(confusion_plot(figures), alt, "confusion")
        st.caption(f"Of {plural(figures.rows, 'eval row')}, by the last checkpoint.")


def summary(figures: Figures) -> list[tuple[str, str]]:
    """Accuracy beside what always saying one class would give, and macro-F1."""
    return [
        ("accuracy", percent(figures.accuracy, 1)),
        (f"always “{brief(figures.majority_class, 24)}”", percent(figures.majority, 1)),
        ("macro-F1", f"{figures.macro_f1:.3f}"),
        ("classes never predicted", f"{len(figures.never_predicted):,}"),
    ]


def class_figures(figures: Figures, longest: int = _WIDE) -> Html:
    """Precision, recall and F1 of each class with eval rows; of many classes the worst first.

    ``longest``: characters of a class's name.
    """
    shown = [each for each in figures.per_class if each.support or each.predicted]
    if len(shown) >= _WORST_FIRST:
        shown = sorted(shown, key=lambda each: (each.f1 or 0.0, -each.support))
    return table(
        ("class", "eval rows", "predicted", "precision", "recall", "F1"),
        [_cells(each, longest) for each in shown],
        numbers=(1, 2, 3, 4, 5),
    )


def confused_pairs(figures: Figures) -> Html:
    """The pairs of label and wrong class with the most rows."""
    rows = [
        (cut(each.label, _WIDE), cut(each.predicted, _WIDE), f"{each.count:,}", percent(each.share))
        for each in figures.most_confused(MOST_PAIRS)
    ]
    if not rows:
        return tag("p", "No eval row is predicted wrongly.", cls="fw-muted")
    return table(("label", "predicted as", "rows", "of the label"), rows, numbers=(2, 3))


def confusion_plot(figures: Figures) -> go.Figure:
    """Counts in cells, coloured by the share of the label's rows; labels down, predicted classes across."""
    counts = figures.confusion
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    names = [plot_text(brief(name), 48) for name in figures.classes]
    few = len(names) <= 12
    hover = [
        [
            f"label {label}, predicted {said}: {counts[i, j]:,} rows, {shares[i, j]:.0%} of the label"
            for j, said in enumerate(names)
        ]
        for i, label in enumerate(names)
    ]
    made = go.Figure(
        go.Heatmap(
            z=shares,
            zmin=0,
            zmax=1,
            colorscale="Blues",
            showscale=False,
            xgap=1,
            ygap=1,
            text=[[f"{each:,}" if each else "" for each in row] for row in counts.tolist()],
            texttemplate="%{text}" if few else None,
            hovertext=hover,
            hoverinfo="text",
        )
    )
    made.update_xaxes(title_text="predicted", side="top", **named_axis(figures.classes, 14))
    made.update_yaxes(title_text="label", **rows_axis(figures.classes, 20))
    height = 120 + max(26 * len(names), 120)
    return made.update_layout(height=height, margin={"l": 0, "r": 0, "t": 10, "b": 0})


@st.cache_data(max_entries=10, show_spinner=False)
def model_figures(path: str, artifacts: str) -> Figures | None:
    """Figures of the eval rows; None where they are not known."""
    return opened(Path(path)).figures()


def _cells(each: ClassFigures, longest: int) -> tuple[str, ...]:
    shares = (each.precision, each.recall, each.f1)
    return (
        cut(each.name, longest),
        f"{each.support:,}",
        f"{each.predicted:,}",
        *("–" if value is None else f"{value:.2f}" for value in shares),
    )
