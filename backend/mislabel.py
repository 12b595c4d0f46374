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
import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.columns import ID, Columns
from backend.data.dataset import Split
from backend.errors import InputError
from backend.evaluation.detection import Detection, detect
from backend.model.training_settings import TrainingSettings
from backend.progress import Progress, silent
from backend.scores.queue import suspicions
from backend.scores.registry import all_producers
from backend.scores.settings import ScoreSettings
from backend.workspace import Workspace

_PARTS = {"train": "train", "eval": "validation"}


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
) -> list[Detection]:
    """Plant wrong labels in a copy of the workspace, train, score, and measure every score; best first."""
    train, classes = workspace.train_split, workspace.manifest.classes
    flipped = flip(train.labels, classes, settings)
    with tempfile.TemporaryDirectory(dir=workspace.path, prefix=".mislabel.", suffix=".tmp") as scratch:
        copy = _copy(workspace, Path(scratch), flipped)
        found = scored(copy, training, ScoreSettings(device=training.device, seed=settings.seed), progress)
        place = {row: position for position, row in enumerate(found[0])}
        order = [place[f"train-{row}"] for row in train.ids]
    wrong = np.array(flipped) != np.array(train.labels)
    return detect({name: values[order] for name, values in found[1].items()}, wrong)


def scored(
    workspace: Workspace, training: TrainingSettings, settings: ScoreSettings, progress: Progress = silent
) -> tuple[list[str], dict[str, np.ndarray]]:
    """Train, precompute and score a new workspace; ids of its rows, and suspicions by score (and queue)."""
    workspace.train(training, progress)
    workspace.precompute(progress=progress)
    workspace.compute_influence(device=settings.device, progress=progress)
    names = [each for each in all_producers() if each != "contrastive"]  # compares with a target, not labels
    workspace.compute_scores(names, settings, progress)
    table = workspace.scores()
    return table.ids, suspicions(table)


def _copy(workspace: Workspace, scratch: Path, labels: list[str]) -> Workspace:
    """A workspace with the same rows and model, and other labels."""
    info, model = workspace.manifest.data, workspace.manifest.model
    tables = [
        _table(workspace.split("train"), labels),
        _table(workspace.split("eval"), workspace.split("eval").labels),
    ]
    source = scratch / "rows.parquet"
    pq.write_table(pa.concat_tables(tables), source)
    second = "text_b" if info.text_b else None
    copy, _ = Workspace.create(
        scratch / "ws",
        train=str(source),
        eval=None,
        columns=Columns("text", "label", second, "id", "group" if info.group else None, "split"),
        model=model.name,
        layers=model.layers,
        max_length=workspace.manifest.max_length,
    )
    return copy


def _table(split: Split, labels: Sequence[str]) -> pa.Table:
    """Rows without anything but what a model and its scores need; ids of both splits differ."""
    columns = {
        "id": [f"{split.name}-{row}" for row in split.table[ID].to_pylist()],
        "text": split.texts,
        "label": list(labels),
        "split": [_PARTS[split.name]] * len(split),
    }
    if split.texts_b is not None:
        columns["text_b"] = split.texts_b
    if split.groups is not None:
        columns["group"] = split.groups
    return pa.table(columns)
