"""Which rows of a split the user looks through: a search, only errors or all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from backend.data.slice import holding
from backend.workspace import Workspace
from pages.components.conversation.readable import searched_columns
from pages.components.newest import of_newest
from pages.components.workspaces import opened, version


def matching_rows(workspace: Workspace, split: str, search: str, only_errors: bool) -> np.ndarray:
    """Positions of the rows that hold all words of ``search`` and, if asked, are misclassified."""
    return _matching(str(workspace.path), version(workspace), split, search.strip(), only_errors)


@of_newest
@st.cache_data(max_entries=50, show_spinner=False)
def _matching(path: str, artifacts: str, split: str, search: str, only_errors: bool) -> np.ndarray:
    workspace = opened(Path(path))
    rows = workspace.split(split)  # type: ignore[arg-type]
    chosen = np.ones(len(rows), dtype=bool)
    if only_errors:
        chosen &= workspace.predictions(split).wrong  # type: ignore[arg-type]
    if search:
        chosen &= holding(searched_columns(path, artifacts, rows.name), search)
    return np.flatnonzero(chosen)
