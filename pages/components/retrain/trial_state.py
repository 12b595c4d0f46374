"""What the Retrain page knows before anything is asked: whether training is possible, and what is decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from backend.workspace import Workspace
from pages.components.conversation.shown_text import has_conversations
from pages.components.numbers import plural
from pages.components.workspaces import opened, version


def can_retrain(workspace: Workspace) -> bool:
    """Whether there is a run to repeat; says what is missing if not."""
    state = workspace.folder.state("checkpoints")
    if state == "current":
        return True
    st.info(
        f"The model of this workspace is {state}; retraining repeats its run, so it must be trained first.",
        icon=":material/model_training:",
    )
    st.page_link("pages/overview.py", label="Train it: see the Overview page", icon=":material/home:")
    return False


def decided(workspace: Workspace) -> dict[str, Any]:
    """How many rows the decisions remove and relabel, and the mark of which (see `decisions_record`)."""
    return _decided(str(workspace.path), version(workspace), workspace.review.ledger.count())


def something_decided(record: dict[str, Any]) -> bool:
    """Whether the decisions change what is trained on."""
    return bool(record["removed"] + record["relabelled"])


def decided_words(record: dict[str, Any], workspace: Workspace) -> str:
    """3 rows removed, 1 relabelled."""
    return f"{plural(record['removed'], 'row')} removed, {record['relabelled']:,} {_changed(workspace)}"


def _changed(workspace: Workspace) -> str:
    return "corrected" if has_conversations(workspace) else "relabelled"


def ask_for_decisions(workspace: Workspace) -> None:
    """Say that nothing has been decided, and where to do it."""
    st.info(
        f"No training row is removed or {_changed(workspace)} yet. Decide about some rows first; flags and "
        "keeps change nothing.",
        icon=":material/checklist:",
    )
    st.page_link("pages/review.py", label="Go to Review", icon=":material/checklist:")


@st.cache_data(max_entries=20, show_spinner=False)
def _decided(path: str, artifacts: str, log_lines: int) -> dict[str, Any]:
    return opened(Path(path)).trials.decisions_record()
