"""The Explore page: filter, map, table and decisions over one list of rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import streamlit as st

from backend.data.dataset import SplitName
from backend.data.slice import Slice, counts, matching, ordered
from backend.queue.row_table import with_decisions
from backend.workspace import Workspace
from pages.components.bulk_dialog import offer_bulk
from pages.components.conversation.readable import readable_table
from pages.components.conversation.shown_text import action_words
from pages.components.explore.explore_filter import SPLITS, Order, ask_order, ask_slice
from pages.components.explore.explore_map import show_map
from pages.components.explore.explore_table import show_table
from pages.components.explore.saved_slices import saved_slices
from pages.components.markup import Html, brief, join, short, show, tag
from pages.components.newest import of_newest
from pages.components.number_field import Faults, say_faults
from pages.components.workspaces import opened, version

COUNTED = {"label": "class", "predicted": "predicted", "decision": "decision"}
MOST_COUNTED = 6


def show_rows(workspace: Workspace, split: SplitName) -> None:
    """All of it for one split."""
    table = rows_of(workspace, split)
    with st.container(border=True, gap="small"):
        faults = Faults()
        wanted = ask_slice(table, faults, workspace.space)
        if faults:  # rows that were not asked for might be decided about
            say_faults(faults)
            return
        saved_slices(workspace, wanted)
    found = _found(str(workspace.path), version(workspace), workspace.review.ledger.count(), split, wanted)
    map_box, side_box = st.columns([0.56, 0.44], gap="large")
    with map_box:
        chosen = show_map(workspace, split, table, wanted, found)
    selected = len(chosen) < len(found)
    # What is learnt by a language model is another text in every row.
    counted = {"decision": COUNTED["decision"]} if workspace.space.edit == "text" else COUNTED
    with side_box:
        show(_summary(table, chosen, counted, action_words(workspace), split, selected))
        order = ask_order(table)
    if not len(chosen):
        st.info(
            "No row fits. Take a filter away, or clear the selection on the map with a double click.",
            icon=":material/search_off:",
        )
        return
    listed = _listed(table, chosen, order)
    with side_box:
        bulk_box = st.container()
    ticked = show_table(workspace, split, table, listed, order)
    with bulk_box:
        if split == "train":
            places = ticked if len(ticked) else listed
            rows = table.select(["id", "label", "text"])
            offer_bulk(workspace, len(places), lambda: rows.take(pa.array(places)), bool(len(ticked)))
        else:
            st.caption("Decisions are about training rows; eval rows stay as they are.")


def rows_of(workspace: Workspace, split: SplitName) -> pa.Table:
    """Every row of a split with scores and predictions, and for training rows with decisions."""
    path, artifacts = str(workspace.path), version(workspace)
    return (
        _decided(path, artifacts, workspace.review.ledger.count())
        if split == "train"
        else _rows(path, artifacts, split)
    )


def _summary(
    table: pa.Table,
    places: np.ndarray,
    counted: Mapping[str, str],
    actions: Mapping[str, str],
    split: SplitName,
    selected: bool,
) -> Html:
    head = f"{len(places):,} of {len(table):,} {SPLITS[split].lower()}" + (
        " selected on the map" if selected else ""
    )
    lines = [
        tag(
            "div", tag("span", title, cls="fw-muted"), _counted(table, places, name, actions), cls="fw-badges"
        )
        for name, title in counted.items()
        if name in table.column_names and len(places)
    ]
    return tag("div", tag("div", head, cls="fw-found"), join(lines))


def _counted(table: pa.Table, places: np.ndarray, name: str, actions: Mapping[str, str]) -> Html:
    found = list(counts(table, places, name).items())
    words = actions if name == "decision" else {}
    parts = [
        tag(
            "span",
            f"{brief(words.get(value, value), 32)} {count:,}",
            cls="fw-badge fw-plain",
            title=short(value, 1_000),
        )
        for value, count in found[:MOST_COUNTED]
    ]
    more = len(found) - MOST_COUNTED
    return join((*parts, tag("span", f"{more:,} more", cls="fw-muted") if more > 0 else ""))


def _listed(table: pa.Table, places: np.ndarray, order: Order) -> np.ndarray:
    return ordered(table, places, order.by, order.descending)


@of_newest
@st.cache_resource(max_entries=4, show_spinner="Reading the rows …")
def _rows(path: str, artifacts: str, split: SplitName) -> pa.Table:
    workspace = opened(Path(path))
    return readable_table(workspace.scores.row_table(split), workspace.split(split))


@of_newest
@st.cache_resource(max_entries=2, show_spinner=False)
def _decided(path: str, artifacts: str, log: int) -> pa.Table:
    return with_decisions(_rows(path, artifacts, "train"), opened(Path(path)).review.states())


@of_newest
@st.cache_data(max_entries=50, show_spinner=False)
def _found(path: str, artifacts: str, log: int, split: SplitName, wanted: Slice) -> np.ndarray:
    workspace = opened(Path(path))
    return matching(rows_of(workspace, split), wanted, workspace.space.edit == "choose many")
