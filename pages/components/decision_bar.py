"""Keep, flag, remove, relabel, look closer: the buttons of a training example."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from backend.data.rowstate import RowState
from pages.components.class_choice import (
    MOST_KEYS,
    button_names,
    class_button,
    class_search,
    numbered,
    relabel_help,
)
from pages.components.decisions import decide, relabel_from_menu, undo_row
from pages.components.go_to import inspect_button, turn_to
from pages.components.history import row_batch
from pages.components.likely import likely_classes
from pages.components.markup import plain_label
from pages.components.workspaces import opened

SIMPLE = (
    ("keep", "Keep", ":material/check:"),
    ("flag", "Flag", ":material/flag:"),
    ("remove", "Remove", ":material/delete:"),
)
SHORTCUTS = {"keep": "K", "flag": "F", "remove": "X"}


def decision_bar(
    path: Path,
    row: str,
    label: str,
    state: RowState | None,
    classes: tuple[str, ...],
    key: str,
    elsewhere: bool = False,
    has_keys: bool = False,
    more: Callable[[], None] | None = None,
) -> None:
    """A row of buttons; what is in force already can't be chosen again.

    ``elsewhere``: on another page than Inspect, to which "Inspect" then leads. ``has_keys``: whether the
    keys of Review decide here, too; for a page that shows one training example. ``more`` draws a further
    button at the end of the row.
    """
    done = state.action if state else None
    with st.container(key=f"bar-{key}", horizontal=True, gap="xxsmall", vertical_alignment="center"):
        for action, name, icon in SIMPLE:
            st.button(
                name,
                key=f"{action}-{key}",
                icon=icon,
                shortcut=SHORTCUTS[action] if has_keys else None,
                help=f"{name} {plain_label(row)}",
                disabled=done == action,
                on_click=decide,
                args=(path, action, row, state),
            )
        current = state.label if state and state.label else label
        in_line = len(classes) == 2 or (not has_keys and len(classes) <= MOST_KEYS)
        if in_line:
            _relabel(path, row, state, classes, current, key, has_keys)
        further_buttons(path, row, state, key, elsewhere, more)
    if not in_line:
        with st.container(key=f"classes-{key}", horizontal=True, gap="xxsmall", vertical_alignment="center"):
            _class_choice(path, row, state, classes, current, key, has_keys)


def further_buttons(
    path: Path,
    row: str,
    state: RowState | None,
    key: str,
    elsewhere: bool,
    more: Callable[[], None] | None = None,
) -> None:
    """Undo what is in force, the way to Inspect, and what ``more`` draws."""
    with st.container(key=f"more-{key}", horizontal=True, gap="xxsmall", width="content"):
        if state:
            _undo(path, row, key)
        pressed = inspect_button(row, f"inspect-{key}")
        if more is not None:
            more()
    if pressed and elsewhere:
        turn_to("inspect")


def _undo(path: Path, row: str, key: str) -> None:
    batch = row_batch(opened(path).ledger, row)
    if batch is None:
        return
    several, name = batch.size > 1, plain_label(batch.head.note or batch.head.action)
    st.button(
        f"Undo {batch.rows}" if several else "Undo",
        key=f"undo-{key}",
        icon=":material/undo:",
        type="tertiary",
        help=f"Undoes {name} of {batch.rows if several else plain_label(row)}"
        + (", decided at once" if several else ""),
        on_click=undo_row,
        args=(path, row),
    )


def _relabel(
    path: Path,
    row: str,
    state: RowState | None,
    classes: tuple[str, ...],
    current: str,
    key: str,
    has_keys: bool,
) -> None:
    others = [each for each in classes if each != current]
    if len(others) == 1:
        st.button(
            f"Relabel as {plain_label(others[0], 14)}",
            key=f"relabel-{key}",
            shortcut=str(classes.index(others[0]) + 1) if has_keys else None,
            help=f"Relabel {plain_label(row)} as {plain_label(others[0])}",
            on_click=decide,
            args=(path, "relabel", row, state, others[0]),
        )
        return
    menu = f"relabel-{key}"
    st.menu_button(
        "Relabel",
        others,
        format_func=button_names(others, 60).__getitem__,
        key=menu,
        icon=":material/label:",
        help=f"Relabel {plain_label(row)}",
        on_click=relabel_from_menu,
        args=(path, row, state, menu),
    )


def _class_choice(
    path: Path,
    row: str,
    state: RowState | None,
    classes: tuple[str, ...],
    current: str,
    key: str,
    has_keys: bool,
) -> None:
    """The classes that digits stand for, where keys decide, and the list of all where there are many."""
    is_many = len(classes) > MOST_KEYS
    likely = likely_classes(path, row) if is_many else {}
    names = button_names(classes)
    if has_keys:
        st.caption("Relabel as", width="content")
        for number, name in enumerate(numbered(classes, likely, current), 1):
            class_button(
                names[name],
                str(number),
                f"relabel-{number}-{key}",
                relabel_help(row, name, likely),
                decide,
                (path, "relabel", row, state, name),
                disabled=name == current,
            )
    if is_many:
        others, menu = [name for name in classes if name != current], f"relabel-{key}"
        class_search("Relabel", others, likely, menu, relabel_from_menu, (path, row, state, menu))
