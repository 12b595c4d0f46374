"""That the model has hardly learnt: said first, in red, wherever its answers are shown."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.errors import InputError
from backend.model.planned import HardlyLearnt
from backend.workspace import Workspace
from pages.components.markup import plain_label
from pages.components.messages import show_error
from pages.components.numbers import typeset
from pages.components.workspaces import opened, version


def warn_hardly_learnt(workspace: Workspace) -> bool:
    """The reason and the one command that may help; False, and nothing shown, where the model has learnt."""
    try:
        found = _judged(str(workspace.path), version(workspace))
    except InputError as error:  # predictions are damaged
        show_error(error)
        return False
    if found is None:
        return False
    st.error(
        f"**This model has hardly learnt:** {plain_label(typeset(found.reason), 400)}. What it says, and "
        f"what is said about its training rows, means little: {plain_label(found.advice, 200)}.",
        icon=":material/model_training:",
    )
    if found.command:
        st.code(found.command, language="bash")
    return True


@st.cache_data(max_entries=10, show_spinner=False)
def _judged(path: str, artifacts: str) -> HardlyLearnt | None:
    return opened(Path(path)).hardly_learnt()
