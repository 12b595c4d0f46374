"""The download button with what there is to know about its file; or why there can be none."""

from __future__ import annotations

import streamlit as st

from backend.errors import InputError
from backend.workspace import Workspace
from pages.components.export.export_file import Download, made_file
from pages.components.markup import show, tag
from pages.components.messages import show_error
from pages.components.numbers import plural


def offer(workspace: Workspace, download: Download) -> bool:
    """Make the file now, so that what cannot be made is said before anyone clicks; whether it was made."""
    try:
        with st.spinner("Preparing the file …"):
            made = made_file(workspace, download)
    except InputError as error:
        show_error(error)
        return False
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.download_button(
            "Download",
            data=made.content,
            file_name=download.file_name,
            mime="application/zip" if download.zipped else "application/octet-stream",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
        )
        show(tag("span", download.file_name, cls="fw-mono"))
    if made.defused_cells:
        begins, gets = ("begins", "gets") if made.defused_cells == 1 else ("begin", "get")
        cells = plural(made.defused_cells, "cell")
        st.caption(f"{cells} {begins} like a formula and {gets} an apostrophe in front.")
    return True
