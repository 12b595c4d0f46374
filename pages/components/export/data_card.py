"""The data card as it will lie beside the export: to be read, and to be taken along by itself."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.errors import InputError
from backend.workspace import Workspace
from pages.components.export.export_file import Download, newest_trial
from pages.components.messages import show_error
from pages.components.newest import of_newest
from pages.components.workspaces import opened, version


def offer_card(workspace: Workspace, download: Download) -> None:
    """The card as text, since it holds what others wrote, and a button."""
    st.caption(
        "What was removed, corrected and flagged, by whom and why, what a trial showed, and how to make the "
        "file again. It lies beside every export; here it is without the hashes of the file."
    )
    try:
        card = _card(workspace, download)
    except InputError as error:
        show_error(error)
        return
    st.download_button(
        "Download the card",
        data=card,
        file_name=f"{download.stem}.card.md",
        mime="text/markdown",
        icon=":material/description:",
        on_click="ignore",
    )
    st.code(card, language=None, wrap_lines=True, height=400)


def _card(workspace: Workspace, download: Download) -> str:
    decided = workspace.review.ledger.count(), newest_trial(workspace)
    name = download.stem + download.suffix
    return _written(str(workspace.path), version(workspace), decided, download.what, download.format, name)


@of_newest
@st.cache_resource(max_entries=6, show_spinner=False)
def _written(path: str, artifacts: str, decided: object, what: str, format: str, name: str) -> str:
    return opened(Path(path)).export_card(what, format=format, name=name)
