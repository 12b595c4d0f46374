"""Saying in a line that something does not serve language models yet."""

from __future__ import annotations

import streamlit as st

from backend.workspace import Workspace
from pages.components.conversation.shown_text import has_conversations


def is_served(workspace: Workspace, what: str, instead: str) -> bool:
    """Whether ``what`` serves the workspace's task; says, where not, what there is ``instead``."""
    if not has_conversations(workspace):
        return True
    st.info(f"{what}: not served for language models yet. {instead}", icon=":material/info:")
    return False
