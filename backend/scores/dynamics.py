"""Logits of the training rows over time: what training logged, else what the checkpoints say."""

from __future__ import annotations

import numpy as np

from backend.folder import Folder
from backend.influence.loading import open_rows
from backend.model.dynamics import read_runs


def dynamics_inputs(folder: Folder) -> tuple[str, ...]:
    """The artifact that `load_dynamics` reads.

    Where rows were appended since the training, its log does not cover them: the checkpoints do.
    """
    return ("dynamics",) if folder.state("dynamics") == "current" else ("rows",)


def load_dynamics(folder: Folder) -> list[np.ndarray]:
    """Logits float32 (E, n, K) of every logged run; or one entry, with E the checkpoints.

    Raises `InputError` where neither is there, or a file is damaged.
    """
    if dynamics_inputs(folder) == ("dynamics",):
        return [run.logits for run in read_runs(folder)]
    stores = open_rows(folder).stores
    return [np.stack([np.concatenate([np.array(each.logits) for each in s.passing()]) for s in stores])]
