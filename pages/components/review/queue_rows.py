"""The review queue, ranked once for all sessions; a decision only changes which of its rows are left."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.scores.queue import Queue, QueueFilter, Ranking, rank_rows
from backend.workspace import Workspace
from pages.components.scores.score_values import read_current
from pages.components.workspaces import opened


def queue_of(workspace: Workspace, wanted: QueueFilter) -> Queue:
    """The rows that fit now, most suspicious first; do not change it."""
    return _queue(str(workspace.path), read_current(workspace).key, workspace.ledger.count(), wanted)


@st.cache_resource(max_entries=30, show_spinner="Ranking …")
def _queue(path: str, scores: str, decided: int, wanted: QueueFilter) -> Queue:
    return Queue(_ranking(path, scores, wanted.serves), opened(Path(path)).states(), wanted)


@st.cache_resource(max_entries=4, show_spinner=False)
def _ranking(path: str, scores: str, serves: str) -> Ranking:
    workspace = opened(Path(path))
    return rank_rows(workspace.scores(), workspace.train_split, serves)
