"""Logits of the training rows over time: what training logged, else what the checkpoints say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.folder import Folder

EARLY_EPOCHS = 2
ENOUGH = 4
"""Looks at a row from which on their spread tells something; as many as training takes at least."""


@dataclass(frozen=True)
class Look:
    """Logits float32 (E, n, K) of the training rows at E times, and the epoch of each, None if not known."""

    logits: np.ndarray
    epochs: tuple[float | None, ...]


def dynamics_inputs(folder: Folder) -> tuple[str, ...]:
    """The artifact that `load_dynamics` reads.

    Where rows were appended since the training, its log does not cover them: the checkpoints do.
    """
    return ("dynamics",) if folder.state("dynamics") == "current" else ("rows",)


def load_dynamics(folder: Folder) -> list[Look]:
    """Every logged run; or one entry, whose looks are the checkpoints.

    Raises `InputError` where neither is there, or a file is damaged.
    """
    from backend.influence.rowstore.opening import open_rows
    from backend.model.dynamics import read_runs

    if dynamics_inputs(folder) == ("dynamics",):
        return [Look(run.logits, run.epochs) for run in read_runs(folder)]
    stores, checkpoints = open_rows(folder).stores, folder.manifest().checkpoints
    found = np.stack([np.concatenate([np.array(each.logits) for each in s.passing()]) for s in stores])
    return [Look(found, tuple(each.epoch for each in checkpoints))]


def look_count(folder: Folder) -> int | None:
    """How many looks at each row there are, of the run with the fewest; None where nothing is there."""
    if dynamics_inputs(folder) == ("dynamics",):
        return min(folder.require("dynamics", "dynamics").details["epochs"])
    return len(folder.manifest().checkpoints) or None


def early(epochs: Sequence[float | None]) -> list[int]:
    """The looks of the first two epochs; the first one where there is none."""
    return [place for place, each in enumerate(epochs) if each is not None and each <= EARLY_EPOCHS] or [0]
