"""The address of what is shown, to copy."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

import streamlit as st

from pages.components import keys


def copy_link(parameters: Mapping[str, str] | None, page: str | None = None) -> None:
    """A popover with the whole address; None: what is shown does not fit into one.

    ``page``: of which page, default the one that is shown.
    """
    with st.popover("Link", icon=":material/link:", type="tertiary"):
        if parameters is None:
            st.caption("This text is too long for an address.")
            return
        workspace = {keys.WORKSPACE: keys.get(keys.WORKSPACE)} if keys.get(keys.WORKSPACE) else {}
        address = (st.context.url or "").split("?")[0]
        if page is not None:
            address = f"{address.rpartition('/')[0]}/{page}"
        asked = urlencode({**workspace, **parameters}, quote_via=quote)  # a space as %20, not as a plus
        st.code(f"{address}?{asked}", language=None, wrap_lines=True)
        st.caption("Opens this view for everyone who can reach this server.")
