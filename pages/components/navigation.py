"""The pages, and the way to them through ``app.py``."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from pages.components import keys

PAGES = {
    **{"overview": "home", "inspect": "search", "review": "checklist"},
    **{"changes": "history", "export": "download"},
}


def navigation(icons: bool = True) -> StreamlitPage:
    """Draw the menu and return the page that the address names."""
    keys.put(keys.THROUGH_APP, True)
    return st.navigation(
        [
            st.Page(
                f"pages/{name}.py",
                title=name.capitalize(),
                icon=f":material/{icon}:" if icons else None,
                url_path=name,
                default=name == "overview",
            )
            for name, icon in PAGES.items()
        ]
    )


def through_app() -> None:
    """Begin again with ``app.py`` where a page was run without it.

    Streamlit does so for the first visit to a fresh server if that is to a page's own address: until
    `st.navigation` has been called once, it takes the files of a folder named ``pages`` for scripts.
    """
    if not st.session_state.pop(keys.THROUGH_APP, False):
        navigation(icons=False)  # an icon would become the favicon, which the browser fetches from elsewhere
        st.rerun()
