"""The pages, and the way to them through ``app.py``."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.components import keys

SECTIONS = {  # heading -> page -> icon; a page is `pages/<name>.py`, its address is its name
    "": {"overview": "home"},
    "Look": {"inspect": "search", "review": "checklist", "explore": "travel_explore"},
    "Understand": {"words": "match_word", "sources": "hub", "scores": "scatter_plot"},
    "Act": {"changes": "history", "retrain": "model_training", "export": "download"},
    "Workspace": {"new": "add_circle", "jobs": "work_history", "help": "help"},
}
TITLES: dict[str, str] = {"new": "New workspace"}  # where a title is more than the page's name
HIDDEN: tuple[str, ...] = ("pair",)  # reached by links only


def navigation(icons: bool = True) -> StreamlitPage:
    """Draw the menu and return the page that the address names."""
    keys.put(keys.THROUGH_APP, True)
    keys.put(keys.REASON_FIELD, None)
    visible = {
        heading: [_page(name, icon if icons else None) for name, icon in pages.items()]
        for heading, pages in SECTIONS.items()
    }
    visible[""] += [_page(name, None, hidden=True) for name in HIDDEN]
    page = st.navigation(visible, expanded=True)
    if page.url_path != "inspect":
        keys.put(keys.PAIR_OPEN, None)
    return page


def _page(name: str, icon: str | None, hidden: bool = False) -> StreamlitPage:
    return st.Page(
        f"pages/{name}.py",
        title=TITLES.get(name, name.capitalize()),
        icon=f":material/{icon}:" if icon else None,
        url_path=name,
        default=name == "overview",
        visibility="hidden" if hidden else "visible",
    )


def through_app() -> None:
    """Begin again with ``app.py`` where a page was run without it.

    Streamlit does so for the first visit to a fresh server if that is to a page's own address: until
    `st.navigation` has been called once, it takes the files of a folder named ``pages`` for scripts.
    """
    if not st.session_state.pop(keys.THROUGH_APP, False):
        navigation(icons=False)  # an icon would become the favicon, which the browser fetches from elsewhere
        st.rerun()
