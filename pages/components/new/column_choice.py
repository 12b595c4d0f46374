"""Choosing one of the columns of the new data."""

from __future__ import annotations

import streamlit as st

from backend.data.peek import Peek

NONE = "(none)"


def required(name: str, look: Peek, guess: str | None, mark: str, help: str | None = None) -> str | None:
    """A column that must be named; None as long as it is not."""
    at = look.choices.index(guess) if guess in look.choices else None
    return st.selectbox(
        name,
        look.choices,
        index=at,
        key=field_key(name, mark),
        bind="query-params",
        placeholder="Choose a column",
        help=help,
    )


def optional(name: str, look: Peek, guess: str | None, mark: str, help: str) -> str | None:
    """A column that may be named."""
    at = look.choices.index(guess) + 1 if guess in look.choices else 0
    chosen = st.selectbox(
        name, (NONE, *look.choices), index=at, key=field_key(name, mark), bind="query-params", help=help
    )
    return None if chosen == NONE else chosen


def field_key(name: str, mark: str) -> str:
    """A choice is about these columns: in other data the same name may mean something else."""
    return f"{name.lower().replace(' ', '-')}-{mark}"
