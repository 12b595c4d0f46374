"""The training rows over time: what training logged, else what the checkpoints say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from backend.folder import Folder
from backend.tasks.heads import CAUSAL_LM

if TYPE_CHECKING:  # a list of scores must not wait for transformers
    from backend.model.dynamics import Dynamics

EARLY_EPOCHS = 2
ENOUGH = 4
"""Looks at a row from which on their spread tells something; as many as training takes at least."""


def dynamics_inputs(folder: Folder) -> tuple[str, ...]:
    """The artifact that `load_dynamics` reads.

    Where rows were appended since the training, its log does not cover them: the checkpoints do. What a
    language model says of a row is kept in its predictions.
    """
    if folder.state("dynamics") == "current":
        return ("dynamics",)
    return ("predictions",) if folder.manifest().task.name == CAUSAL_LM else ("rows",)


def load_dynamics(folder: Folder) -> list[Dynamics]:
    """Every logged run; or one entry, whose looks are the checkpoints.

    Raises `InputError` where neither is there, or a file is damaged.
    """
    from backend.influence.rowstore.opening import open_rows
    from backend.model.dynamics import Dynamics, read_runs, said_by
    from backend.model.prediction_table import read_predictions

    if dynamics_inputs(folder) == ("dynamics",):
        return read_runs(folder)
    checkpoints = folder.manifest().checkpoints
    if folder.manifest().task.name == CAUSAL_LM:
        looks = (read_predictions(folder, "train", each.step).outputs for each in checkpoints)
    else:
        looks = (store.logits() for store in open_rows(folder).stores)
    return [Dynamics(said_by(folder, looks), tuple(each.epoch for each in checkpoints))]


def look_count(folder: Folder) -> int | None:
    """How many looks at each row there are, of the run with the fewest; None where nothing is there."""
    if dynamics_inputs(folder) == ("dynamics",):
        return min(folder.require("dynamics", "dynamics").details["epochs"])
    return len(folder.manifest().checkpoints) or None


def early(epochs: Sequence[float | None]) -> list[int]:
    """The looks of the first two epochs; the first one where there is none."""
    return [place for place, each in enumerate(epochs) if each is not None and each <= EARLY_EPOCHS] or [0]
