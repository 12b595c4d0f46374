"""Choices that are kept in the address: one of a few, or one value or any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import streamlit as st

from pages.components import keys
from pages.components.markup import distinct

EVERY = "any"
LONGEST = 60  # characters of a value in its list and in the address
Value = TypeVar("Value", bound=str)


def pick(
    name: str,
    titles: Mapping[Value, str],
    key: str,
    default: Value,
    on_change: Callable[[], None] | None = None,
    help: str | None = None,
    named: bool = False,
) -> Value:
    """One of a few values, all in sight; ``named``: whether the name stands above them."""
    st.segmented_control(
        name,
        list(titles),
        format_func=titles.__getitem__,
        default=default,
        required=True,
        key=key,
        bind="query-params",
        on_change=on_change,
        help=help,
        label_visibility="visible" if named else "collapsed",
    )
    return keys.get(key) or default


def choose(
    name: str,
    values: Sequence[str],
    key: str,
    titles: Mapping[str, str] | None = None,
    on_change: Callable[[], None] | None = None,
    every: str = EVERY,
) -> str | None:
    """The chosen value, or None for any; one that is no longer there is forgotten."""
    if keys.get(key, every) not in (every, *values):
        keys.put(key, every)
    called = {value: str((titles or {}).get(value, value)) for value in (every, *values)}
    shown = distinct(called.values(), LONGEST)
    st.selectbox(
        name,
        [every, *values],
        format_func=lambda value: shown[called[value]],
        key=key,
        bind="query-params",
        on_change=on_change,
    )
    chosen = keys.get(key) or every
    return None if chosen == every else chosen
