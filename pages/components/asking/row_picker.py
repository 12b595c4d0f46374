"""Choosing a row: search, only errors, one after the other, or from a table, one page at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from backend.data.dataset import Split
from backend.errors import InputError
from backend.workspace import Workspace
from pages.components import keys
from pages.components.conversation.shown_text import has_conversations, shown_text
from pages.components.go_to import go_to
from pages.components.markup import brief, plain_label, short
from pages.components.messages import show_error
from pages.components.numbers import plural
from pages.components.paging import page_number, pages_of, turn_pages
from pages.components.rows import matching_rows

PAGE = 10
TABLE_PAGE = "rows-page"
NOWHERE = -1  # the position of a row that is not there
SPLITS = {"eval": "eval", "train": "training"}


def pick_row(workspace: Workspace, split: str) -> str | None:
    """The id of the row to explain; None, said in a line, if no row matches or an id is unknown."""
    search, id_box, errors, steps = st.columns([0.3, 0.22, 0.16, 0.32], vertical_alignment="bottom")
    with search:
        st.text_input(
            "Search in the texts",
            key=keys.SEARCH,
            bind="query-params",
            placeholder="words of the text",
            on_change=_start_over,
            icon=":material/search:",
        )
    with errors:
        has_errors = bool(len(matching_rows(workspace, split, "", True)))
        st.toggle(
            "Only errors" if workspace.task.knows_right else "Largest errors",
            value=has_errors,
            key=keys.ONLY_ERRORS,
            bind="query-params",
            on_change=_start_over,
        )
    found = matching_rows(workspace, split, keys.get(keys.SEARCH) or "", bool(keys.get(keys.ONLY_ERRORS)))
    ids = workspace.split(split).ids  # type: ignore[arg-type]
    first = ids[found[0]] if len(found) else None
    with id_box:
        st.text_input(
            "Row id",
            key=keys.ROW,
            bind="query-params",
            placeholder=short(first or ""),
            on_change=None if len(found) else _forget_search,
        )
    if not len(found) and (keys.get(keys.SEARCH) or not keys.get(keys.ROW)):
        _nothing_found(split)
        return None
    return _chosen(workspace, split, found, steps)


def _chosen(workspace: Workspace, split: str, found: np.ndarray, steps: DeltaGenerator) -> str | None:
    """The row id typed, or else the first of the rows found; None, said in a line, if it is unknown."""
    rows = workspace.split(split)  # type: ignore[arg-type]
    chosen = keys.get(keys.ROW) or rows.ids[found[0]]
    try:
        position, unknown = rows.position(chosen), None
    except InputError as error:
        position, unknown = NOWHERE, error
    with steps:
        _steps(found, position, rows.ids)
    if unknown:
        show_error(unknown)
        _offer_other_split(workspace, split, chosen)
    if len(found):
        is_error = keys.get(keys.ONLY_ERRORS) and workspace.task.knows_right
        with st.expander(f"Browse {plural(len(found), 'error' if is_error else 'row')}"):
            _table(workspace, split, found, position)
    return None if unknown else chosen


def _nothing_found(split: str) -> None:
    search = (keys.get(keys.SEARCH) or "").strip()
    only_errors = bool(keys.get(keys.ONLY_ERRORS))
    line = f"nothing found for “{plain_label(search)}”" if search else "nothing found"
    line += f" among the {SPLITS[split]} {'errors' if only_errors else 'rows'}. "
    ways = ["clear the search"] * bool(search) + ["switch “Only errors” off"] * only_errors
    st.info(f"{line}To see more, {' or '.join(ways)}.", icon=":material/search_off:")


def _offer_other_split(workspace: Workspace, split: str, row: str) -> None:
    other = "train" if split == "eval" else "eval"
    try:
        workspace.split(other).position(row)  # type: ignore[arg-type]
    except InputError:
        return
    st.button(
        f"There is a {SPLITS[other]} row {plain_label(row)}: show it",
        key="other-split",
        icon=":material/arrow_forward:",
        on_click=go_to,
        args=(other, row),
    )


def _steps(found: np.ndarray, position: int, ids: list[str]) -> None:
    place = int(np.searchsorted(found, position))
    here = place < len(found) and found[place] == position
    before = found[place - 1] if place > 0 else None
    after_place = place + 1 if here else place
    after = found[after_place] if after_place < len(found) else None
    where = f"{place + 1:,} of {len(found):,}" if here else f"not among the {len(found):,} listed"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        _step("Previous", "Left", ":material/chevron_left:", before, ids)
        _step("Next", "Right", ":material/chevron_right:", after, ids)
        st.caption(where, width="content")


def _step(name: str, key: str, icon: str, position: int | None, ids: list[str]) -> None:
    st.button(
        name,
        help=f"{name} row",
        key=f"step-{name.lower()}",
        icon=icon,
        shortcut=key,
        disabled=position is None,
        on_click=keys.put,
        args=(keys.ROW, "" if position is None else ids[position]),
    )


def _table(workspace: Workspace, split: str, found: np.ndarray, position: int) -> None:
    pages = pages_of(len(found), PAGE)
    page = page_number(TABLE_PAGE, pages)
    shown = found[(page - 1) * PAGE : page * PAGE]
    rows = workspace.split(split)  # type: ignore[arg-type]
    predictions = workspace.predictions_at(split, shown).table  # type: ignore[arg-type]
    columns = {
        "text": [_one_line(shown_text(rows, each)) for each in shown],
        **({} if has_conversations(rows) else _targets(rows, shown, predictions)),
        "loss": predictions["loss"].to_pylist(),
        "id": [short(rows.ids[each]) for each in shown],
    }
    ids = [rows.ids[each] for each in shown]
    key = f"rows-{split}-{page}-{position}"
    st.dataframe(
        pd.DataFrame(columns),
        key=key,
        hide_index=True,
        height="content",
        on_select=lambda: _select(key, ids),
        selection_mode="single-row",
        selection_default={"selection": {"rows": np.flatnonzero(shown == position).tolist()}},
        column_config={
            "text": st.column_config.TextColumn(width="large"),
            "loss": st.column_config.NumberColumn(format="%.3f"),
        },
    )
    turn_pages(TABLE_PAGE, pages)


def _select(key: str, ids: list[str]) -> None:
    chosen = keys.get(key)["selection"]["rows"]
    if chosen and chosen[0] < len(ids):
        keys.put(keys.ROW, ids[chosen[0]])


def _forget_search() -> None:
    keys.put(keys.SEARCH, "")


def _start_over() -> None:
    keys.put(keys.ROW, "")
    keys.put(TABLE_PAGE, 1)


def _targets(rows: Split, shown: np.ndarray, predictions: pa.Table) -> dict[str, list[str]]:
    return {
        "label": [brief(rows.labels[each]) for each in shown],
        "predicted": [brief(name) for name in predictions["predicted"].to_pylist()],
    }


def _one_line(text: str) -> str:
    return short(" ".join(text[:2_000].split()), 300)
