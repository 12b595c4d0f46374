"""The review queue, ranked once for all sessions; a decision only changes which of its rows are left."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from backend.scores.queue import Queue, QueueFilter, Ranking, rank_rows
from backend.scores.table import ScoreTable
from backend.workspace import Workspace
from pages.components.scores.score_values import read_current
from pages.components.workspaces import opened


def queue_of(workspace: Workspace, wanted: QueueFilter) -> Queue:
    """The rows that fit now, most suspicious first; do not change it."""
    values = read_current(workspace)
    table = workspace.scores() if values.table is None else values.table  # the former says what is missing
    path, decided = str(workspace.path), workspace.ledger.count()
    return _queue(path, values.key, decided, wanted, _ranking(path, values.key, wanted.serves, table))


@st.cache_resource(max_entries=30, show_spinner=False)
def _queue(path: str, scores: str, decided: int, wanted: QueueFilter, _ranked: Ranking) -> Queue:
    return Queue(_ranked, opened(Path(path)).states(), wanted)


@st.cache_resource(max_entries=4, show_spinner="Ranking …")
def _ranking(path: str, scores: str, serves: str, _table: ScoreTable) -> Ranking:
    return rank_rows(_table, opened(Path(path)).train_split, serves)
