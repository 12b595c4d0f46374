"""Turning pages of a list: the number stands in the address, so that a refresh comes back to it."""

from __future__ import annotations

import streamlit as st

from pages.components import keys


def pages_of(count: int, page: int) -> int:
    """How many pages of ``page`` entries a list of ``count`` has: at least one."""
    return max(1, -(-count // page))


def page_number(key: str, pages: int) -> int:
    """The page, from 1: what was chosen, or else what the address says; the last where there are fewer.

    The list is drawn before `turn_pages`, which is under it: then its widget does not know the address yet.
    """
    chosen = keys.get(key)
    named = st.query_params.get(key, "")
    if chosen is None and named.isascii() and named.isdigit():
        chosen = int(named[:9])
    return min(max(1, int(chosen or 1)), pages)


def turn_pages(key: str, pages: int) -> None:
    """Draw the pages' numbers; nothing where there is only one."""
    if pages > 1:
        st.pagination(pages, key=key, bind="query-params")
