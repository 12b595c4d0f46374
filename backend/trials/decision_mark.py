"""What the decisions change of the training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backend.data.dataset import Split
from backend.data.rowstate import RowState
from backend.files import digest


def decided_rows(train: Split, states: Mapping[str, RowState]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets given and targets in force, text in arrays of objects (n), and which rows are removed, bool
    (n)."""
    given = target_array(train.labels)
    now, removed = given.copy(), np.zeros(len(train), dtype=bool)
    for row, state in states.items():
        if not train.has(row):
            continue
        place = train.position(row)
        removed[place] = state.action == "remove"
        if state.label is not None:
            now[place] = state.label
    return given, now, removed


def target_array(targets: Sequence[str]) -> np.ndarray:
    """Targets as an array (n) of objects, of which some can be chosen."""
    return np.array(targets, dtype=object)


def decisions_record(train: Split, states: Mapping[str, RowState]) -> dict[str, Any]:
    """What a report was made from: how many rows are removed and relabelled, and a ``mark`` of which.

    What changes no training row, such as a flag, leaves the mark as it is.
    """
    given, now, removed = decided_rows(train, states)
    relabelled = ~removed & (now != given)
    rows = [(train.ids[each], None) for each in np.flatnonzero(removed).tolist()]
    rows += [(train.ids[each], now[each]) for each in np.flatnonzero(relabelled).tolist()]
    return {"mark": digest(rows), "removed": int(removed.sum()), "relabelled": int(relabelled.sum())}
