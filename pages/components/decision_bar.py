"""Keep, flag, remove, relabel, look closer: the buttons of a training example."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.data.rowstate import RowState
from pages.components import keys
from pages.components.decisions import decide, relabel_from_menu, undo_row
from pages.components.markup import plain_label

SIMPLE = (
    ("keep", "Keep", ":material/check:"),
    ("flag", "Flag", ":material/flag:"),
    ("remove", "Remove", ":material/delete:"),
)


def decision_bar(
    path: Path, row: str, label: str, state: RowState | None, classes: tuple[str, ...], key: str
) -> None:
    """A row of buttons; what is in force already can't be chosen again."""
    done = state.action if state else None
    with st.container(key=f"bar-{key}", horizontal=True, gap="xxsmall", vertical_alignment="center"):
        for action, name, icon in SIMPLE:
            st.button(
                name,
                key=f"{action}-{key}",
                icon=icon,
                disabled=done == action,
                on_click=decide,
                args=(path, action, row),
            )
        current = state.label if state and state.label else label
        _relabel(path, row, [each for each in classes if each != current], key)
        if state:
            st.button(
                ":material/undo:",
                key=f"undo-{key}",
                type="tertiary",
                help="Undo the decision on this example",
                on_click=undo_row,
                args=(path, row),
            )
        st.button(
            ":material/arrow_outward:",
            key=f"inspect-{key}",
            type="tertiary",
            help="Explain this training example itself",
            on_click=_inspect,
            args=(row,),
        )


def _relabel(path: Path, row: str, others: list[str], key: str) -> None:
    if len(others) == 1:
        st.button(
            f"Relabel as {plain_label(others[0], 14)}",
            key=f"relabel-{key}",
            on_click=decide,
            args=(path, "relabel", row, others[0]),
        )
        return
    menu = f"relabel-{key}"
    st.menu_button(
        "Relabel",
        others,
        format_func=lambda name: plain_label(name, 60),
        key=menu,
        icon=":material/label:",
        on_click=relabel_from_menu,
        args=(path, row, menu),
    )


def _inspect(row: str) -> None:
    keys.put(keys.WHAT, "train")
    keys.put(keys.ONLY_ERRORS, False)
    keys.put(keys.SEARCH, "")
    keys.put(keys.ROW, row)
