"""Filters under a name: kept in the workspace, so that everyone who opens it has them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.data.slice import Slice
from backend.review.slices import delete_slice, read_slices, save_slice
from backend.workspace import Workspace
from pages.components import keys
from pages.components.explore.explore_filter import fill_fields
from pages.components.markup import distinct, plain_label
from pages.components.messages import safely, say
from pages.components.workspaces import opened


def saved_slices(workspace: Workspace, wanted: Slice) -> None:
    """A line: open a saved filter, clear the fields, save what is in them."""
    known = read_slices(workspace.folder.slices)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if known:
            if keys.get(keys.ROWS_SLICE) not in (None, *known):
                keys.put(keys.ROWS_SLICE, None)
            st.selectbox(
                "Saved filters",
                list(known),
                index=None,
                format_func=distinct(known, 60).__getitem__,
                key=keys.ROWS_SLICE,
                placeholder="open one",
                on_change=safely(_open),
                args=(workspace.path,),
                width=260,
            )
        st.button(
            "Clear",
            key="slice-clear",
            icon=":material/filter_alt_off:",
            on_click=_clear,
            disabled=wanted == Slice(),
        )
        with st.popover("Save this filter", icon=":material/bookmark_add:", disabled=wanted == Slice()):
            st.text_input("Name", key=keys.ROWS_NAME, max_chars=60)
            st.button(
                "Save",
                key="slice-save",
                on_click=safely(_save),
                args=(workspace.path, wanted),
            )
        if keys.get(keys.ROWS_SLICE):
            st.button(
                "Delete saved filter",
                key="slice-delete",
                icon=":material/delete:",
                type="tertiary",
                help=f"Forget {plain_label(keys.get(keys.ROWS_SLICE))}",
                on_click=safely(_delete),
                args=(workspace.path,),
            )


def _open(path: Path) -> None:
    name = keys.get(keys.ROWS_SLICE)
    found = read_slices(opened(path).folder.slices).get(name) if name else None
    if found is not None:
        fill_fields(found)


def _save(path: Path, wanted: Slice) -> None:
    name = " ".join((keys.get(keys.ROWS_NAME) or "").split())
    save_slice(opened(path).folder.slices, name, wanted)
    keys.put(keys.ROWS_SLICE, name)
    say(f"Saved as {name}.", ":material/bookmark:")


def _delete(path: Path) -> None:
    name = keys.get(keys.ROWS_SLICE)
    delete_slice(opened(path).folder.slices, name)
    keys.put(keys.ROWS_SLICE, None)
    say(f"Saved filter {name} deleted.")


def _clear() -> None:
    keys.put(keys.ROWS_SLICE, None)
    fill_fields(Slice())
