"""Keep, flag, remove, relabel, look closer: the buttons of a training example."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
from pages.components.conversation.correct import Correcting, correct_button, show_editor
from pages.components.decisions import decide, relabel_from_menu, undo_row
from pages.components.edit_target import edit_target
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


@dataclass(frozen=True)
class _Relabelling:
    """What the choice of a class is about; ``current``: the class that the row has now."""

    path: Path
    row: str
    state: RowState | None
    classes: tuple[str, ...]
    current: str
    key: str
    has_keys: bool

    @property
    def others(self) -> list[str]:
        return [each for each in self.classes if each != self.current]


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
        space, relabelling = (
            opened(path).space,
            _Relabelling(path, row, state, classes, current, key, has_keys),
        )
        is_edited = space.edit != "choose"
        in_line = len(classes) == 2 or (not has_keys and len(classes) <= MOST_KEYS)
        correcting = Correcting(path, row, current, state, key) if space.edit == "text" else None
        if correcting is not None:
            correct_button(correcting)
        elif is_edited:
            edit_target(space, path, row, current, state, key)
        elif in_line:
            _relabel(relabelling)
        further_buttons(path, row, state, key, elsewhere, more)
    if correcting is not None:
        show_editor(correcting)
    elif not in_line and not is_edited:
        with st.container(key=f"classes-{key}", horizontal=True, gap="xxsmall", vertical_alignment="center"):
            _class_choice(relabelling)


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
    batch = row_batch(opened(path).review.ledger, row)
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


def _relabel(bar: _Relabelling) -> None:
    others = bar.others
    if len(others) == 1:
        st.button(
            f"Relabel as {plain_label(others[0], 14)}",
            key=f"relabel-{bar.key}",
            shortcut=str(bar.classes.index(others[0]) + 1) if bar.has_keys else None,
            help=f"Relabel {plain_label(bar.row)} as {plain_label(others[0])}",
            on_click=decide,
            args=(bar.path, "relabel", bar.row, bar.state, others[0]),
        )
        return
    menu = f"relabel-{bar.key}"
    st.menu_button(
        "Relabel",
        others,
        format_func=button_names(others, 60).__getitem__,
        key=menu,
        icon=":material/label:",
        help=f"Relabel {plain_label(bar.row)}",
        on_click=relabel_from_menu,
        args=(bar.path, bar.row, bar.state, menu),
    )


def _class_choice(bar: _Relabelling) -> None:
    """The classes that digits stand for, where keys decide, and the list of all where there are many."""
    is_many = len(bar.classes) > MOST_KEYS
    likely = likely_classes(bar.path, bar.row) if is_many else {}
    names = button_names(bar.classes)
    if bar.has_keys:
        st.caption("Relabel as", width="content")
        for number, name in enumerate(numbered(bar.classes, likely, bar.current), 1):
            class_button(
                names[name],
                str(number),
                f"relabel-{number}-{bar.key}",
                relabel_help(bar.row, name, likely),
                decide,
                (bar.path, "relabel", bar.row, bar.state, name),
                disabled=name == bar.current,
            )
    if is_many:
        menu = f"relabel-{bar.key}"
        class_search(
            "Relabel", bar.others, likely, menu, relabel_from_menu, (bar.path, bar.row, bar.state, menu)
        )
