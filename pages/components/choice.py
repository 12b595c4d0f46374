"""A choice of one value or any, kept in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from pages.components import keys
from pages.components.markup import short

EVERY = "any"


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
    st.selectbox(
        name,
        [every, *values],
        format_func=lambda value: short(str((titles or {}).get(value, value)), 60),
        key=key,
        bind="query-params",
        on_change=on_change,
    )
    chosen = keys.get(key) or every
    return None if chosen == every else chosen
