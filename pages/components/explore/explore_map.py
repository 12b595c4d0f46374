"""The rows as points: sentence embeddings in their two main directions; a lasso chooses rows."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa
import streamlit as st

from backend.data.dataset import SplitName
from backend.data.slice import Slice, inside
from backend.queue.row_table import TARGET, score_titles
from backend.workspace import Workspace
from pages.components import keys
from pages.components.badges import ACTION_WORDS
from pages.components.conversation.shown_text import action_words, has_conversations
from pages.components.embedding_job import offer_embeddings
from pages.components.explore.explore_filter import first_page
from pages.components.markup import distinct, short
from pages.components.newest import of_newest
from pages.components.workspaces import opened, version

MOST_POINTS = 5_000
MOST_CLASSES = 8
HOVER_WIDTH = 44  # characters a line
# Okabe and Ito's colours, which stay apart for every kind of colour vision, on white and on near-black.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C7A00", "#7F7F7F")
GREY = {"light": "#D5DAE0", "dark": "#3A3F47"}
KINDS = {"label": "class", "predicted": "prediction", "decision": "decision", "group": "group"}


def show_map(
    workspace: Workspace, split: SplitName, table: pa.Table, wanted: Slice, found: np.ndarray
) -> np.ndarray:
    """Draw ``found``, the rows that are ``wanted``, over the others.

    Returns those of them inside what was drawn around, or all where nothing was.
    """
    if not workspace.has_embeddings(split):
        st.info(
            "The map is made from sentence embeddings, which have not been computed yet.",
            icon=":material/scatter_plot:",
        )
        offer_embeddings(workspace, split)
        return found
    path, artifacts = str(workspace.path), version(workspace)
    points = _projected(path, artifacts, split)
    if has_conversations(workspace):  # what is learnt is another text in every row
        table = table.drop_columns([each for each in ("label", "predicted") if each in table.column_names])
    colour = _ask_colour(table)
    theme = "dark" if st.context.theme.type == "dark" else "light"
    key = (path, artifacts, workspace.review.ledger.count(), split, wanted)
    figure = _figure(key, points, table, found, colour, theme, action_words(workspace))
    drawn = min(len(found), MOST_POINTS)
    event = st.plotly_chart(
        figure,
        key=f"{keys.ROWS_MAP}-{split}",
        on_select=first_page,
        selection_mode=("box", "lasso"),
        config={
            "displaylogo": False,
            "modeBarButtonsToRemove": ["autoScale2d"],
            "toImageButtonOptions": {"format": "png", "scale": 2, "filename": "firstword-map"},
        },
        alt=f"Map of {drawn:,} rows by their sentence embeddings, coloured by {colour or 'nothing'}",
    )
    sampled = (
        f"{drawn:,} of {len(found):,} rows are drawn, a sample" if drawn < len(found) else f"{drawn:,} rows"
    )
    st.caption(
        f"{sampled}; near points have similar sentences. Draw around points with the lasso or the box to "
        "choose the rows there, also those that are not drawn; a double click lets go."
    )
    return found[_selected(points[found], event)]


def map_figure(
    points: np.ndarray,
    table: pa.Table,
    drawn: np.ndarray,
    behind: np.ndarray,
    colour: str | None,
    theme: str,
    actions: Mapping[str, str] = ACTION_WORDS,
) -> go.Figure:
    """The figure alone; ``actions``: what decisions are called."""
    figure = go.Figure()
    figure.add_trace(
        _trace(points[behind], {"color": GREY[theme], "size": 3}, "rows that don't fit the filter", None)
    )
    for trace in _coloured(points, table, drawn, colour, actions):
        figure.add_trace(trace)
    figure.update_layout(
        height=460,
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        dragmode="lasso",
        uirevision="map",
        legend={"orientation": "h", "yanchor": "top", "y": -0.12, "itemsizing": "constant"},
        xaxis={"title": "first main direction of the embeddings", "zeroline": False, "showticklabels": False},
        yaxis={"title": "second main direction", "zeroline": False, "showticklabels": False},
    )
    return figure


def _coloured(
    points: np.ndarray, table: pa.Table, drawn: np.ndarray, colour: str | None, actions: Mapping[str, str]
) -> list[go.Scattergl]:
    texts = _hover(table, drawn)
    if colour is None:
        return [_trace(points[drawn], {"color": COLOURS[0], "size": 5}, "rows", texts)]
    if colour not in KINDS:
        title = html.escape(score_titles(table)[colour])
        values = table[colour].to_numpy()[drawn].astype(float)
        low, high = np.nanpercentile(values, (1, 99)) if np.isfinite(values).any() else (0.0, 1.0)
        marker = {
            "color": values,
            "size": 5,
            "colorscale": "Viridis",
            "cmin": low,
            "cmax": high,
            "colorbar": {"thickness": 10, "title": {"text": title, "side": "right"}},
        }
        return [_trace(points[drawn], marker, title, texts, legend=False)]
    values = np.array(table[colour].take(pa.array(drawn)).to_pylist(), dtype=object)
    names = _most_frequent(values)
    words = actions if colour == "decision" else {}
    called = {name or "": words.get(name, name) or "none" for name in names}
    shown = distinct(called.values(), 30)
    titles = {name: shown[each] for name, each in called.items()}
    traces = []
    for number, name in enumerate(names):
        at = np.flatnonzero(values == name)
        title = html.escape(titles[name or ""])
        marker = {"color": COLOURS[number], "size": 5, "symbol": number % 4}
        traces.append(_trace(points[drawn[at]], marker, title, [texts[each] for each in at]))
    rest = np.flatnonzero(~np.isin(values, names))
    if len(rest):
        marker = {"color": COLOURS[-1], "size": 5}
        traces.append(_trace(points[drawn[rest]], marker, "others", [texts[each] for each in rest]))
    return traces


def _most_frequent(values: np.ndarray) -> list[str]:
    names, sizes = np.unique(values.astype(str), return_counts=True)
    return sorted(names[np.argsort(-sizes, kind="stable")][: MOST_CLASSES - 1].tolist())


def _trace(
    points: np.ndarray, marker: dict[str, Any], name: str, texts: Sequence[str] | None, legend: bool = True
) -> go.Scattergl:
    return go.Scattergl(
        x=points[:, 0].astype(np.float32),
        y=points[:, 1].astype(np.float32),
        mode="markers",
        opacity=0.75,
        marker=marker,
        name=name,
        text=texts,
        hovertemplate="%{text}<extra></extra>" if texts is not None else None,
        hoverinfo="skip" if texts is None else None,
        showlegend=legend and len(points) > 0,
    )


def _hover(table: pa.Table, drawn: np.ndarray) -> list[str]:
    """Plotly reads some HTML in what it shows: everything but our own line breaks is escaped."""
    columns = [each for each in ("id", "text", "label") if each in table.column_names]
    rows = table.select(columns).take(pa.array(drawn)).to_pylist()
    texts = (wrap(short(" ".join(each["text"][:500].split()), 120), HOVER_WIDTH) for each in rows)
    names = (
        short(f"{short(each['label'], 24)}, {each['id']}" if "label" in each else each["id"], HOVER_WIDTH)
        for each in rows
    )
    return [
        "<br>".join(html.escape(line, quote=True) for line in (*lines, name))
        for lines, name in zip(texts, names, strict=True)
    ]


def _ask_colour(table: pa.Table) -> str | None:
    numbers = ("label", "predicted") if TARGET in table.column_names else ()  # a colour of their own each
    kinds = {
        name: title for name, title in KINDS.items() if name in table.column_names and name not in numbers
    }
    titles = {**kinds, **score_titles(table)}
    default = TARGET if TARGET in titles else next(iter(titles))
    if keys.get(keys.ROWS_COLOUR, default) not in titles:
        keys.put(keys.ROWS_COLOUR, default)
    st.selectbox(
        "Colour by", list(titles), format_func=titles.__getitem__, key=keys.ROWS_COLOUR, bind="query-params"
    )
    return keys.get(keys.ROWS_COLOUR) or default


def _selected(points: np.ndarray, event: Any) -> np.ndarray:
    """Which of the points lie in a box or lasso; all where none was drawn: bool (n)."""
    selection = event["selection"] if event else {}
    shapes = [*selection.get("lasso", []), *(_corners(each) for each in selection.get("box", []))]
    if not shapes:
        return np.ones(len(points), dtype=bool)
    chosen = np.zeros(len(points), dtype=bool)
    for each in shapes:
        chosen |= inside(points[:, 0], points[:, 1], each["x"], each["y"])
    return chosen


def _corners(box: dict[str, list[float]]) -> dict[str, list[float]]:
    (left, right), (low, high) = box["x"], box["y"]
    return {"x": [left, right, right, left], "y": [low, low, high, high]}


@of_newest
@st.cache_data(max_entries=20, show_spinner=False)
def _figure(
    key: tuple[object, ...],
    _points: np.ndarray,
    _table: pa.Table,
    _found: np.ndarray,
    colour: str | None,
    theme: str,
    _actions: Mapping[str, str],
) -> go.Figure:
    """``key`` names the rows found: arrays of this size would be compared by a sample of their values."""
    drawn = _sample(_found, MOST_POINTS)
    behind = _sample(_others(_found, len(_table)), MOST_POINTS - len(drawn))
    return map_figure(_points, _table, drawn, behind, colour, theme, _actions)


def _sample(places: np.ndarray, most: int) -> np.ndarray:
    """At most so many, the same each time."""
    if len(places) <= most:
        return places
    return np.sort(np.random.default_rng(0).choice(places, most, replace=False))


def _others(found: np.ndarray, count: int) -> np.ndarray:
    left = np.ones(count, dtype=bool)
    left[found] = False
    return np.flatnonzero(left)


@of_newest
@st.cache_data(max_entries=4, show_spinner="Projecting the embeddings …")
def _projected(path: str, artifacts: str, split: SplitName) -> np.ndarray:
    from sklearn.decomposition import PCA

    vectors = opened(Path(path)).embeddings(split)
    size = min(2, *vectors.shape)
    points = np.zeros((len(vectors), 2))
    points[:, :size] = PCA(size, svd_solver="covariance_eigh").fit_transform(vectors)
    return points
