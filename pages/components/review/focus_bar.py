"""The buttons under the row in focus, each with its key: keep, flag, remove, skip, a class by its number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from backend.data.rowstate import RowState
from backend.data.targets.space import Space
from backend.files import digest
from backend.queue.queue_item import QueueItem
from pages.components.class_choice import (
    MOST_KEYS,
    button_names,
    class_button,
    class_search,
    numbered,
    relabel_help,
)
from pages.components.conversation.correct import Correcting, correct_button, show_editor
from pages.components.decision_bar import SHORTCUTS, SIMPLE, further_buttons
from pages.components.decisions import decide, relabel_from_menu
from pages.components.edit_target import edit_target
from pages.components.focus_place import focus_on
from pages.components.likely import likely_classes
from pages.components.markup import plain_label
from pages.components.reason_field import forget_reason

ADOPT = "L"  # relabel as what the reviewer called the row in blind mode, or as suggested
SKIP_HELP = (
    "On to the next undecided row. This one stays undecided: it keeps its place, and its turn comes again "
    "after the last row"
)


@dataclass(frozen=True)
class Bar:
    """What the buttons act on; after a decision, the row ``onward`` comes into focus.

    ``seen`` is what the row's card shows as decided. ``note`` is the reason in the log where the reviewer
    gives none. Widgets are named by row: a click on a row that has just left the screen can't be about the
    one that took its place.
    """

    path: Path
    row: str
    seen: RowState | None
    onward: str | None
    note: str = ""

    @property
    def key(self) -> str:
        """Part of the names of this row's widgets."""
        return digest(self.row)

    def go_on(self) -> None:
        """In a callback: put the next row into focus; the reason was about this one."""
        forget_reason()
        focus_on(self.onward)


def decide_bar(bar: Bar, item: QueueItem, space: Space, advised: str | None = None) -> None:
    """All ways to decide. ``advised``: the class that the reviewer chose, whose button stands out.

    It was chosen by its number, so numbers relabel nothing then: a key pressed twice would.
    """
    with _line(f"focus-{bar.key}"):
        for action, name, icon in SIMPLE:
            _simple(bar, action, name, icon, primary=action == "keep" and advised == item.label)
        skip_button(bar)
        further_buttons(bar.path, item.id, bar.seen, f"focus-{bar.key}", elsewhere=True)
    if space.edit == "text":
        _correct(bar, item.label)
        return
    with _line(f"classes-{bar.key}"):
        if space.edit != "choose":
            arguments = (bar.seen, f"focus-{bar.key}", bar.go_on, bar.note)
            edit_target(space, bar.path, item.id, item.label, *arguments)
            _adopt(bar, item)
            return
        st.caption("Relabel as", width="content")
        _class_buttons(bar, item.label, space.names, advised)


def _correct(bar: Bar, target: str) -> None:
    correcting = Correcting(bar.path, bar.row, target, bar.seen, f"focus-{bar.key}", bar.go_on, bar.note)
    with _line(f"classes-{bar.key}"):
        correct_button(correcting)
    show_editor(correcting)


def _adopt(bar: Bar, item: QueueItem) -> None:
    """What the queue suggests, where it suggests another target."""
    if item.action != "relabel" or item.suggested_label in (None, item.label):
        return
    st.button(
        f"Relabel as {plain_label(str(item.suggested_label), 60)}",
        key=f"adopt-{bar.key}",
        shortcut=ADOPT,
        help=f"Relabel {plain_label(bar.row)} as {plain_label(str(item.suggested_label), 300)}",
        on_click=decide,
        args=(bar.path, "relabel", bar.row, bar.seen, item.suggested_label, bar.go_on, bar.note),
    )


def _class_buttons(bar: Bar, label: str, classes: Sequence[str], advised: str | None) -> None:
    likely = likely_classes(bar.path, bar.row) if len(classes) > MOST_KEYS else {}
    if advised is not None and len(classes) > MOST_KEYS:
        likely = {advised: "what you called it", **likely}
    names = button_names(classes)
    for number, name in enumerate(numbered(classes, likely, label), 1):
        is_advised = name == advised != label
        class_button(
            ("Relabel as " if is_advised else "") + names[name],
            str(number) if advised is None else ADOPT if is_advised else None,
            f"relabel-{number}-{bar.key}",
            relabel_help(bar.row, name, likely),
            decide,
            (bar.path, "relabel", bar.row, bar.seen, name, bar.go_on, bar.note),
            disabled=name == label,
            primary=is_advised,
        )
    if len(classes) > MOST_KEYS:
        others, menu = [name for name in classes if name != label], f"relabel-{bar.key}"
        arguments = (bar.path, bar.row, bar.seen, menu, bar.go_on, bar.note)
        class_search("Another class", others, likely, menu, relabel_from_menu, arguments)


def undecided_bar(bar: Bar) -> None:
    """What can be done without knowing the label."""
    with _line(f"focus-{bar.key}"):
        for action, name, icon in SIMPLE[1:]:
            _simple(bar, action, name, icon, tells=False)
        skip_button(bar)


def skip_button(bar: Bar) -> None:
    """On without a decision."""
    st.button(
        "Skip",
        key=f"skip-{bar.key}",
        icon=":material/skip_next:",
        shortcut="S",
        help=SKIP_HELP,
        disabled=bar.onward is None,
        on_click=bar.go_on,
    )


def _simple(bar: Bar, action: str, name: str, icon: str, primary: bool = False, tells: bool = True) -> None:
    """``tells``: whether a button may show that this is what has been decided."""
    st.button(
        name,
        key=f"{action}-{bar.key}",
        icon=icon,
        shortcut=SHORTCUTS[action],
        help=f"{name} {plain_label(bar.row)}",
        type="primary" if primary else "secondary",
        disabled=tells and bar.seen is not None and bar.seen.action == action,
        on_click=decide,
        args=(bar.path, action, bar.row, bar.seen, None, bar.go_on, bar.note),
    )


def _line(key: str) -> Any:
    return st.container(key=key, horizontal=True, gap="small", vertical_alignment="center")
