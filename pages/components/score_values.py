"""The current scores of a workspace, read once for all sessions, and the state of every producer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from backend.folder import ArtifactState
from backend.scores.registry import producers_for
from backend.scores.score import Score
from backend.scores.table import ScoreTable, score_state
from backend.workspace import Workspace
from pages.components.newest import of_newest
from pages.components.workspaces import opened, version

CLOSE = 12  # a page asks for few orders at a time


@dataclass(frozen=True)
class ScoreValues:
    """``states`` of all producers; ``table`` of those that are current, None where none is.

    ``key`` changes with the table: for whatever is cached about it.
    """

    states: dict[str, ArtifactState]
    table: ScoreTable | None
    key: str

    def has(self, *names: str) -> bool:
        """Whether these scores have been computed and are current."""
        return self.table is not None and all(name in self.table.names for name in names)


def current_states(workspace: Workspace) -> dict[str, ArtifactState]:
    """The state of every producer; no table is read."""
    known = producers_for(workspace.manifest.task.name)
    return {name: score_state(workspace.folder, each) for name, each in known.items()}


def read_current(workspace: Workspace) -> ScoreValues:
    """What there is now."""
    states = current_states(workspace)
    current = [name for name, state in states.items() if state == "current"]
    key = f"{version(workspace)} {' '.join(current)}"
    return ScoreValues(states, _table(str(workspace.path), key) if current else None, key)


def table_of(workspace: Workspace, values: ScoreValues) -> ScoreTable:
    """The current scores; where there are none, `InputError` says what is missing."""
    return workspace.scores.table() if values.table is None else values.table


def order_of(workspace: Workspace, values: ScoreValues, score: Score, highest_first: bool) -> np.ndarray:
    """Places of the rows that have a value, in the order of their values; ties in the order of the rows."""
    return _order(str(workspace.path), values.key, score.name, highest_first)


@of_newest
@st.cache_resource(max_entries=3, show_spinner="Reading the scores …")
def _table(path: str, key: str) -> ScoreTable:
    return opened(Path(path)).scores.table()


@of_newest
@st.cache_data(max_entries=CLOSE, show_spinner=False)
def _order(path: str, key: str, name: str, highest_first: bool) -> np.ndarray:
    column = _table(path, key).values(name)
    known = np.flatnonzero(np.isfinite(column))
    return known[np.argsort(-column[known] if highest_first else column[known], kind="stable")]
