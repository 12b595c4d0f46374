"""What came of holding an attached run against its own log, and what limits all that is said of it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.components.markup import plain_label

_AT_MOST = 600  # characters


def show_run_check(status: dict[str, Any]) -> None:
    """In red where the model does not do here what its log says, else a line; nothing of an own training."""
    for line in status.get("limits", []):
        st.caption(plain_label(line, _AT_MOST))
    check = status.get("check")
    if not isinstance(check, dict):
        return
    words = plain_label(f"The attached run: {check['said']}.", _AT_MOST)
    if check["fits"] is False:
        st.error(f"{words} Influences mean little until that is mended.", icon=":material/error:")
    else:
        st.caption(words)
