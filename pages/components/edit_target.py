"""How a target that is no single class is corrected: a set of labels, or a number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from backend.data.rowstate import RowState
from backend.data.targets.label_sets import NONE, SEPARATOR
from backend.data.targets.space import Space
from backend.files import digest
from backend.workspace import Workspace
from pages.components import keys
from pages.components.class_choice import list_names
from pages.components.decisions import decide
from pages.components.markup import plain_label
from pages.components.messages import safely

WORDS = {"choose many": "Other labels", "number": "Another number"}


def is_one_class(workspace: Workspace) -> bool:
    """Whether rows have one class each, which buttons and digits can stand for."""
    return workspace.space.edit == "choose"


def edit_target(
    space: Space,
    path: Path,
    row: str,
    current: str,
    seen: RowState | None,
    key: str,
    then: Callable[[], None] | None = None,
    note: str = "",
) -> None:
    """A button that opens the field for the row's target, ``current`` now, and stores what is put there.

    ``key`` tells the fields of a page apart; ``then`` and ``note`` as of `decide`.
    """
    field = f"target-{key}-{digest(current)}"  # a decision of somebody else begins it anew
    with st.popover("Relabel", icon=":material/label:", help=f"Relabel {plain_label(row)}"):
        ask_target(space, current, field)
        st.button(
            "Store",
            key=f"relabel-{key}",
            type="primary",
            icon=":material/check:",
            on_click=_store,
            args=(space, path, row, seen, field, then, note),
        )


def ask_target(space: Space, current: str, field: str) -> None:
    """The field alone; `read_target` reads it."""
    if space.edit == "choose many":
        st.multiselect(
            WORDS[space.edit],
            space.names,
            default=list(space.labels_of(current)) if current else [],
            format_func=list_names(space.names, {}).__getitem__,
            key=field,
            placeholder=f"none: {NONE}",
        )
    else:
        st.text_input(WORDS["number"], value=current, key=field, max_chars=40)


def read_target(space: Space, field: str) -> str:
    """The target in the field; `InputError` where it is none."""
    value = keys.get(field)
    if space.edit == "choose many":
        return space.read(f"{SEPARATOR} ".join(value or ()))
    return space.read(str(value or ""))


@safely
def _store(
    space: Space,
    path: Path,
    row: str,
    seen: RowState | None,
    field: str,
    then: Callable[[], None] | None,
    note: str,
) -> None:
    decide(path, "relabel", row, seen, read_target(space, field), then, note)
