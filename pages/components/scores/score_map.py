"""The data map: how sure the model was of each row's label while it trained, and how much that varied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from backend.data.dataset import Split
from backend.scores.dynamics import ENOUGH, look_count
from backend.scores.registry import producer_of
from backend.workspace import Workspace
from pages.components import keys
from pages.components.choice import pick
from pages.components.conversation.shown_text import has_conversations, shown_text
from pages.components.empty_state import need_model, show_empty
from pages.components.plots import COLOURS, SYMBOLS, is_dark, plot_text
from pages.components.score_job import offer_scores_of
from pages.components.score_values import ScoreValues
from pages.components.scores.score_groups import groups_of
from pages.components.scores.score_row import chosen_place

X, Y, RIGHT = "variability", "confidence", "correctness"
MOST_POINTS = 3_000
COLOUR_BY = {"correctness": "Correctness", "label": "Label", "decision": "Decision"}
READING = (
    "Rows at the top left were learnt at once and stayed so: easy, and some of them redundant. Those on the "
    "right kept changing: ambiguous, and often what the model learns most from. Those at the bottom left "
    "were never believed: wrong labels are among them. Choose a point to see all scores of its row below."
)


@dataclass(frozen=True)
class MapPoints:
    """The rows that are drawn: their places, coordinates, and groups (names, and one number for each row)."""

    places: np.ndarray
    x: np.ndarray
    y: np.ndarray
    names: Sequence[str]
    groups: np.ndarray


def show_map(workspace: Workspace, values: ScoreValues) -> None:
    """The plot; or, where training dynamics are missing, the job that makes them."""
    model = workspace.folder.state("checkpoints")
    if model != "current":
        need_model("scores", model)
        return
    if values.table is None or not values.has(X, Y, RIGHT):
        missing = (
            "The data map is drawn from scores of training dynamics: what the model made of every row while "
            f"it trained. {'These scores' if _logged(workspace) else 'They'} are not there, or stale."
        )
        show_empty("scores", missing, partial(offer_scores_of, workspace, producer_of(Y)))
        return
    colour = pick("Colour by", COLOUR_BY, keys.MAP_COLOUR, "correctness", named=True)
    chosen = chosen_place(workspace)
    x, y, right = (values.table.values(name) for name in (X, Y, RIGHT))
    places = sampled(np.flatnonzero(np.isfinite(x) & np.isfinite(y)), chosen)
    points = MapPoints(places, x[places], y[places], *groups_of(workspace, colour, right, places))
    st.plotly_chart(
        map_figure(points, workspace, chosen, is_dark()),
        key=keys.MAP,
        on_select=lambda: _select(workspace),
        selection_mode="points",
        config={"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]},
        alt=f"Data map of {len(places):,} training rows: confidence over variability, coloured by {colour}.",
    )
    if len(places) < len(x):
        st.caption(f"{len(places):,} of {len(x):,} rows are shown, drawn at random, always the same ones.")
    st.caption(READING)
    if few := too_few_looks(workspace):
        st.warning(few, icon=":material/help:")


def too_few_looks(workspace: Workspace) -> str | None:
    """Where the map takes the shape of a V whatever the rows are like, since it has so few looks at them."""
    count = look_count(workspace.folder)
    if count is None or count >= ENOUGH:
        return None
    times = "once" if count == 1 else f"{count} times"
    return (
        f"Every row was looked at {times} only: with so few looks the map is a V whatever the rows are like, "
        "and can't tell ambiguous rows from those that were learnt late. A run of one's own is looked at "
        f"{ENOUGH} times at least; of an attached one, attach more checkpoints."
    )


def _logged(workspace: Workspace) -> bool:
    return workspace.folder.state("dynamics") == "current"


def sampled(places: np.ndarray, chosen: int | None, most: int = MOST_POINTS) -> np.ndarray:
    """At most ``most`` of the rows, always the same ones, and the chosen one besides: ascending places."""
    if len(places) > most:
        places = np.random.default_rng(0).choice(places, most, replace=False)
    return np.unique(places if chosen is None else np.append(places, chosen))


def map_figure(points: MapPoints, workspace: Workspace, chosen: int | None, dark: bool) -> go.Figure:
    """One trace for each group, each point with its row's place; a ring around the chosen row."""
    split = workspace.train_split
    figure, faint = go.Figure(), 0.9 if dark else 0.65
    for group, name in enumerate(points.names):
        own = points.groups == group
        if not own.any():
            continue
        places = points.places[own].tolist()
        figure.add_scatter(
            x=points.x[own],
            y=points.y[own],
            mode="markers",
            name=f"{plot_text(name)} ({own.sum():,})",
            customdata=places,
            marker={"color": COLOURS[group], "symbol": SYMBOLS[group], "size": 6, "opacity": faint},
            unselected={"marker": {"opacity": faint}},
            hovertext=[_hover(split, each) for each in places],
            hoverinfo="text",
        )
    place = np.flatnonzero(points.places == chosen)  # none where no row is chosen
    if len(place):
        figure.add_scatter(
            x=points.x[place],
            y=points.y[place],
            mode="markers",
            name="chosen row",
            hoverinfo="skip",
            marker={
                "symbol": "circle-open",
                "size": 18,
                "line": {"width": 3},
                "color": "#FFFFFF" if dark else "#1B1F24",
            },
        )
    figure.update_layout(
        height=520,
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        legend={"orientation": "h", "y": 1.08, "x": 0},
        xaxis_title="variability of the belief in its label",
        yaxis_title="confidence: mean belief in its label",
        clickmode="event+select",
        dragmode="zoom",
        uirevision="map",
    )
    return figure


def _hover(split: Split, place: int) -> str:
    row, text = plot_text(split.ids[place]), shown_text(split, place)
    head = row if has_conversations(split) else f"{row}: {plot_text(split.labels[place])}"
    return f"{head}<br>{plot_text(text, 90)}"


def _select(workspace: Workspace) -> None:
    """Take the row of the point: points are numbered within their trace, so their data say which it is."""
    points = keys.get(keys.MAP)["selection"]["points"]
    data = points[0].get("customdata") if points else None
    place = data[0] if isinstance(data, list) else data
    if isinstance(place, int) and 0 <= place < len(workspace.train_split):
        keys.put(keys.SCORE_ROW, workspace.train_split.ids[place])
