"""Which eval rows the model gets wrong, read once for all sessions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from backend.workspace import Workspace
from pages.components.conversation.shown_text import has_conversations
from pages.components.workspaces import opened, version

NO_ERRORS = "No eval row is misclassified"


@st.cache_data(max_entries=10, show_spinner=False)
def eval_wrong(path: str, artifacts: str) -> np.ndarray:
    """Which eval rows the model gets wrong (`Predictions.wrong`): bool (n)."""
    return opened(Path(path)).predictions("eval").wrong


def errors_said(workspace: Workspace) -> str:
    """What the eval rows that the model gets wrong are, as a sentence goes on about them."""
    if has_conversations(workspace):
        return "the eval rows that the model says worst"
    return "the eval rows that the model gets wrong"


def has_no_errors(workspace: Workspace) -> bool:
    """Whether it is known that the model gets every eval row right: then nothing can harm an error."""
    if workspace.folder.state("predictions") != "current":
        return False
    return not eval_wrong(str(workspace.path), version(workspace)).any()
