"""The classes that a training row probably belongs to, for where one of many must be chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from backend.errors import InputError
from backend.scores.likely import VOICES, likely_labels, most_probable
from backend.workspace import Workspace
from pages.components.explanations import explanations_are_shown
from pages.components.score_values import read_current
from pages.components.workspaces import opened, version

MOST = 9  # as many as there are digits to press


def likely_classes(path: Path, row: str) -> dict[str, str]:
    """Names with what speaks for each, the likeliest first; none where nothing is known or to be shown."""
    workspace = opened(path)
    if not explanations_are_shown() or not workspace.train_split.has(row):
        return {}
    place = workspace.train_split.position(row)
    ranked = _ranked_of(workspace)
    table = read_current(workspace).table
    said = {} if table is None else {
        name: table.table[name][place].as_py() for name in VOICES if name in table.table.column_names
    }  # fmt: skip
    numbers = ranked[place].tolist() if len(ranked) > place else []
    return likely_labels(workspace.manifest.classes, numbers, said, MOST)


def likely_first(workspace: Workspace, rows: Sequence[str]) -> list[str]:
    """All classes, those first that the model says most often of these training rows."""
    classes, ranked = workspace.manifest.classes, _ranked_of(workspace)
    if not explanations_are_shown() or not ranked.shape[1]:
        return list(classes)
    split = workspace.train_split
    places = [split.position(row) for row in rows]
    said = Counter(classes[number] for number in ranked[places, 0].tolist())
    return list(dict.fromkeys([*(name for name, _ in said.most_common(MOST)), *classes]))


def _ranked_of(workspace: Workspace) -> np.ndarray:
    if workspace.folder.state("predictions") != "current":
        return np.empty((0, 0), dtype=np.int64)
    try:
        return _ranked(str(workspace.path), version(workspace))
    except InputError:  # damaged predictions are said where they are shown; relabelling goes on without
        return np.empty((0, 0), dtype=np.int64)


@st.cache_resource(max_entries=2, show_spinner=False)
def _ranked(path: str, artifacts: str) -> np.ndarray:
    return most_probable(opened(Path(path)).predictions("train").probabilities, MOST)
