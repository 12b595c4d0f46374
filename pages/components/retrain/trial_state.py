"""What the Retrain page knows before anything is asked: whether training is possible, and what is decided."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from backend.workspace import Workspace
from pages.components.conversation.shown_text import has_conversations
from pages.components.empty_state import lead_to, need_model, show_empty
from pages.components.missing import due_steps, offer_missing
from pages.components.numbers import plural
from pages.components.workspaces import opened, version


def can_retrain(workspace: Workspace) -> bool:
    """Whether there is a run to repeat; says what is missing if not."""
    state = workspace.folder.state("checkpoints")
    if state == "current":
        return True
    need_model("retrain", state)
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
    """Say that nothing has been decided that changes the training, and what leads there."""
    due = due_steps(workspace)
    show_empty(
        "retrain",
        f"No training row is removed or {_changed(workspace)} yet; flags and keeps change nothing."
        f"{' The queue on Review, where decisions begin, is not complete.' if due else ''}",
        partial(offer_missing, workspace) if due else lead_to("review", "Decide about rows on Review"),
    )


@st.cache_data(max_entries=20, show_spinner=False)
def _decided(path: str, artifacts: str, log_lines: int) -> dict[str, Any]:
    return opened(Path(path)).trials.decisions_record()
