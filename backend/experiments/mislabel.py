"""The protocol ``mislabel``: wrong labels are planted in a copy of the data, and every score looks for them.

The copy is a workspace of its own, trained and scored as the user's, and deleted afterwards. What was
planted is known here only: nothing in the copy says so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backend.errors import InputError
from backend.evaluation.classes import require_classes
from backend.evaluation.detection import Detection, detect
from backend.experiments.copies import copied
from backend.model.origin import was_attached
from backend.model.training_settings import TrainingSettings
from backend.progress import Progress, silent
from backend.queue.queue import class_numbers
from backend.scores.registry import producers_for
from backend.scores.settings import ScoreSettings
from backend.scores.suspicion import suspicions
from backend.workspace import Workspace


@dataclass(frozen=True)
class MislabelSettings:
    """``share`` of the training labels is replaced by another class, drawn evenly, with ``seed``."""

    share: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.share < 0.9:
            raise InputError(f"--share {self.share}: must be above 0 and below 0.9, such as 0.2")


def flip(labels: Sequence[str], classes: Sequence[str], settings: MislabelSettings) -> list[str]:
    """The labels, a share of them replaced by another class."""
    rng = np.random.default_rng(settings.seed)
    chosen = rng.permutation(len(labels))[: max(round(settings.share * len(labels)), 1)]
    flipped = list(labels)
    for place in chosen.tolist():
        others = [name for name in classes if name != labels[place]]
        flipped[place] = others[int(rng.integers(len(others)))]
    return flipped


def evaluate_mislabel(
    workspace: Workspace,
    training: TrainingSettings,
    settings: MislabelSettings,
    progress: Progress = silent,
) -> tuple[list[Detection], list[str]]:
    """Plant wrong labels in a copy of the workspace, train, score, and measure every score; best first.

    Returns also a line for each score that can't be had. `InputError` for other tasks than classification,
    and for an attached run: the model that it started from is not known, and its own has seen the labels as
    they are.
    """
    require_classes(workspace.manifest.task.name, "mislabel")
    if was_attached(workspace.folder):
        raise InputError(
            "--protocol mislabel: the run was attached, so the model that it started from is not known; "
            "make a workspace with that model (init, train)"
        )
    train, classes = workspace.train_split, workspace.manifest.classes
    flipped = flip(train.labels, classes, settings)
    with (
        workspace.folder.lock(),
        tempfile.TemporaryDirectory(dir=workspace.path, prefix=".mislabel.", suffix=".tmp") as scratch,
    ):
        copy = copied(workspace, Path(scratch) / "ws", labels=flipped)
        found = scored(copy, training, ScoreSettings(device=training.device, seed=settings.seed), progress)
        place = {row: position for position, row in enumerate(found.ids)}
        order = [place[f"train-{row}"] for row in train.ids]
    wrong = np.array(flipped) != np.array(train.labels)
    return detect({name: each[order] for name, each in found.suspicions.items()}, wrong), found.left_out


@dataclass(frozen=True)
class Scored:
    """Ids of the training rows, suspicions (n) by score and of the queue, and why some scores are missing."""

    ids: list[str]
    suspicions: dict[str, np.ndarray]
    left_out: list[str]


def scored(
    workspace: Workspace, training: TrainingSettings, settings: ScoreSettings, progress: Progress = silent
) -> Scored:
    """Train, precompute and score a new workspace with all that can say something about labels."""
    workspace.train(training, progress)
    workspace.precompute(progress=progress)
    workspace.compute_influence(device=settings.device, progress=progress)
    left_out = []
    for name in producers_for(workspace.manifest.task.name):
        if name == "contrastive":  # compares with a target, not labels
            continue
        try:
            workspace.scores.compute([name], settings, progress)
        except InputError as error:
            left_out.append(f"{name}: {error}")
    table = workspace.scores.table()
    return Scored(table.ids, suspicions(table, class_numbers(workspace.train_split)), left_out)
