"""A page of the rows found; ticked rows are what the next decision is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from backend.data.dataset import SplitName
from backend.files import digest
from backend.queue.row_table import ANSWER_LOSS, IN_BOTH, LOSS, score_titles
from backend.workspace import Workspace
from pages.components import keys
from pages.components.asking.query_panel import query_text
from pages.components.badges import ACTION_WORDS
from pages.components.conversation.row_view import row_view
from pages.components.conversation.shown_text import action_words
from pages.components.copies import OTHER, copy_in_other_split
from pages.components.decision_bar import decision_bar
from pages.components.explore.explore_filter import Order
from pages.components.go_to import go_to, turn_to
from pages.components.markup import short, show, tag
from pages.components.paging import page_number, pages_of, turn_pages
from pages.components.reason_field import ask_reason

PAGE = 50
LONGEST_NAME = 200  # the column cuts what does not fit, and a click shows it


def show_table(
    workspace: Workspace, split: SplitName, table: pa.Table, listed: np.ndarray, order: Order
) -> np.ndarray:
    """Draw the page; returns the places of ticked rows."""
    pages = pages_of(len(listed), PAGE)
    page = page_number(keys.ROWS_PAGE, pages)
    places = listed[(page - 1) * PAGE : page * PAGE]
    key = f"rows-table-{digest(split, places.tolist())}"  # other rows: nothing is ticked
    hidden = ("label", "predicted") if workspace.space.edit == "text" else ()
    event = st.dataframe(
        page_frame(table, places, order.by, split, hidden, action_words(workspace)),
        key=key,
        hide_index=True,
        height=420,
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "text": st.column_config.TextColumn(width="large"),
            **{title: st.column_config.NumberColumn(format="%.4g") for title in score_titles(table).values()},
        },
    )
    turn_pages(keys.ROWS_PAGE, pages)
    ticked = places[[each for each in event["selection"]["rows"] if each < len(places)]]
    if len(ticked) == 1:
        _show_row(workspace, split, table, int(ticked[0]))
    return ticked


def page_frame(
    table: pa.Table,
    places: np.ndarray,
    by: str | None,
    split: SplitName,
    hidden: Sequence[str] = (),
    actions: Mapping[str, str] = ACTION_WORDS,
) -> pd.DataFrame:
    """The rows of a page, texts on one line and cut, with the score that they are sorted by.

    Where a text stands in the other split too, that is said. ``hidden``: columns that are left out;
    ``actions``: what decisions are called.
    """
    rows = table.take(pa.array(places))
    shown = (each for each in ("label", "predicted", "group", "decision") if each in rows.column_names)
    names = [each for each in shown if each not in hidden]
    made = {"text": [_one_line(text) for text in rows["text"].to_pylist()]}
    for name in names:
        words = actions if name == "decision" else {}
        made[name] = [short(words.get(each, each), LONGEST_NAME) for each in rows[name].to_pylist()]
    if any(in_both := rows[IN_BOTH].to_pylist()):
        made["same text in"] = [OTHER[split] if each else "" for each in in_both]
    titles = score_titles(table)
    for name in dict.fromkeys(each for each in (by, LOSS, ANSWER_LOSS) if each in titles):
        made[titles[str(name)]] = rows[name].to_numpy().astype(float)
    return pd.DataFrame({**made, "id": [short(each, 60) for each in rows["id"].to_pylist()]})


def _show_row(workspace: Workspace, split: SplitName, table: pa.Table, place: int) -> None:
    row = table.slice(place, 1).to_pylist()[0]
    with st.container(border=True, gap="small"):
        rows = workspace.split(split)
        state = workspace.review.states().get(row["id"]) if split == "train" else None
        target = state.label if state is not None else None
        show(tag("div", row_view(rows, rows.position(row["id"]), target, query_text)))
        show(copy_in_other_split(workspace, split, row["id"], row["label"]))
        if split == "train":
            classes = workspace.manifest.classes
            decision_bar(
                workspace.path,
                row["id"],
                row["label"],
                state,
                classes,
                "explore",
                elsewhere=True,
                has_keys=True,
            )
            with st.container(width=480):
                ask_reason("explore")
        elif st.button("Inspect", icon=":material/arrow_outward:", on_click=go_to, args=(split, row["id"])):
            turn_to("inspect")


def _one_line(text: str) -> str:
    return short(" ".join(text[:1_000].split()), 300)
