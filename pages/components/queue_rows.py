"""The review queue, ranked once for all sessions; a decision only changes which of its rows are left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from backend.data.rowstate import RowState
from backend.queue.queue import Queue, QueueFilter, Ranking, rank_rows
from backend.scores.table import ScoreTable
from backend.workspace import Workspace
from pages.components.newest import of_newest
from pages.components.score_values import read_current, table_of
from pages.components.workspaces import opened


def queue_of(workspace: Workspace, wanted: QueueFilter) -> Queue:
    """The rows that fit now, most suspicious first; do not change it."""
    values = read_current(workspace)
    table = table_of(workspace, values)
    path, decided = str(workspace.path), workspace.review.ledger.count()
    return _queue(path, values.key, decided, wanted, _ranking(path, values.key, wanted.serves, table))


def states_of(workspace: Workspace) -> Mapping[str, RowState]:
    """The decisions in force, read once for all queues and sessions; do not change them."""
    return _states(str(workspace.path), workspace.review.ledger.count())


@of_newest
@st.cache_resource(max_entries=30, show_spinner=False)
def _queue(path: str, scores: str, decided: int, wanted: QueueFilter, _ranked: Ranking) -> Queue:
    return Queue(_ranked, _states(path, decided), wanted)


@of_newest
@st.cache_resource(max_entries=3, show_spinner=False)
def _states(path: str, decided: int) -> Mapping[str, RowState]:
    return opened(Path(path)).review.states()


@of_newest
@st.cache_resource(max_entries=4, show_spinner="Ranking …")
def _ranking(path: str, scores: str, serves: str, _table: ScoreTable) -> Ranking:
    return rank_rows(_table, opened(Path(path)).train_split, serves)
