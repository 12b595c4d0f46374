"""Choosing one of the classes: nine at most by a digit, any number of them by typing a part of the name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from pages.components import keys
from pages.components.markup import distinct, plain_label, short

MOST_KEYS = 9
LONGEST_NAME = 40  # characters of a class that are in sight in a list to choose from
LONGEST_BUTTON = 32
SEARCHED = 300  # characters of a class that are searched


def numbered(classes: Sequence[str], likely: Mapping[str, str], current: str | None) -> list[str]:
    """The classes that digits stand for: all of them in their order, or of many the likely ones."""
    if len(classes) <= MOST_KEYS:
        return list(classes)
    others = [name for name in (*likely, *classes) if name != current]
    return list(dict.fromkeys(others))[:MOST_KEYS]


def class_button(
    label: str,
    shortcut: str | None,
    key: str,
    help: str,
    on_click: Callable[..., None],
    args: tuple[Any, ...],
    disabled: bool = False,
    primary: bool = False,
) -> None:
    """A class."""
    st.button(
        label,
        key=key,
        shortcut=shortcut,
        help=help,
        type="primary" if primary else "secondary",
        disabled=disabled,
        on_click=on_click,
        args=args,
    )


def class_search(
    name: str,
    classes: Sequence[str],
    likely: Mapping[str, str],
    key: str,
    on_choice: Callable[..., None],
    args: tuple[Any, ...],
    width: int | Literal["stretch"] = "stretch",
    placeholder: str = "",
) -> None:
    """A list to search in, the ``likely`` ones first; a choice is acted on at once.

    ``on_choice`` is a callback that reads the choice under ``key``; then the field is empty again.
    """
    titles = list_names(classes, likely)
    options = list(dict.fromkeys([*(each for each in likely if each in titles), *classes]))
    st.selectbox(
        name,
        options,
        index=None,
        format_func=titles.__getitem__,
        key=key,
        on_change=_act,
        args=(key, on_choice, args),
        placeholder=placeholder or f"{name}: type to search {len(options):,} classes",
        label_visibility="collapsed",
        width=width,
    )


def list_names(classes: Sequence[str], likely: Mapping[str, str]) -> dict[str, str]:
    """What the classes are called in a list: no two alike, what speaks for a likely one behind its name.

    A name that is cut stands there in full once more, out of sight at the right, since that is searched.
    """
    found = distinct(classes, LONGEST_NAME)
    for name, title in found.items():
        voice = f" ({likely[name]})" if name in likely else ""
        full = f"   {short(name, SEARCHED)}" if len(name) > LONGEST_NAME else ""
        found[name] = f"{title}{voice}{full}"
    return found if len(set(found.values())) == len(found) else distinct(classes, LONGEST_NAME)


def button_names(classes: Sequence[str], limit: int = LONGEST_BUTTON) -> dict[str, str]:
    """What stands on the classes' buttons, in Markdown: short, and no two alike."""
    return {name: plain_label(title) for name, title in distinct(classes, limit).items()}


def relabel_help(row: str, name: str, likely: Mapping[str, str]) -> str:
    """A button's tooltip: the class in full, and what speaks for it."""
    why = f": {likely[name]}" if name in likely else ""
    return f"Relabel {plain_label(row)} as {plain_label(name, 300)}{why}"


def _act(key: str, on_choice: Callable[..., None], args: tuple[Any, ...]) -> None:
    if keys.get(key) is not None:
        on_choice(*args)
        keys.put(key, None)
