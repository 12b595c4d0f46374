"""A small model on a workspace's rows, as a workspace of its own: made to be retrained thousands of times.

A workspace's own model may take minutes to train. The small one says which attribution method is true on
these data, as far as small models behave like large ones; it is not an explanation of the large one.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from backend.errors import InputError
from backend.experiments.copies import copied
from backend.model.small import write_small_model
from backend.model.source import resolve
from backend.model.training_settings import TrainingSettings
from backend.progress import Progress, silent
from backend.workspace import Workspace

SETTINGS = TrainingSettings(
    epochs=10, lr=1e-3, batch_size=32, checkpoints=5, weight_decay=0.0, precision="fp32", scheduler="linear"
)


def small_workspace(
    workspace: Workspace,
    folder: Path,
    *,
    kind: str = "cnn",
    rows: int | None = None,
    settings: TrainingSettings = SETTINGS,
    rows_seed: int = 0,
    progress: Progress = silent,
) -> Workspace:
    """Make, train and precompute a workspace at ``folder`` with a small model (see `write_small_model`).

    Args:
        rows: training rows to take, drawn with ``rows_seed``; default all. The model's folder lies
        beside the workspace's.
    Raises `InputError`; what exists already is not touched.
    """
    home = folder.parent / f"{folder.name}-model"
    if folder.exists() or home.exists():
        raise InputError(f"{folder if folder.exists() else home}: exists already; choose another place")
    train, evaluation = workspace.train_split, workspace.eval_split
    examples = train.examples + evaluation.examples
    chosen = np.random.default_rng(rows_seed).permutation(len(train))[:rows]
    places = {"train": np.sort(chosen), "eval": np.arange(len(evaluation))}
    try:
        write_small_model(home, kind, examples, tokenizer=_tokenizer(workspace), seed=settings.seed)
        small = copied(workspace, folder, rows=places, model=str(home.resolve()))
        small.train(settings, progress)
        small.precompute(progress=progress)
    except BaseException:
        for made in (folder, home):
            shutil.rmtree(made, ignore_errors=True)
        raise
    return small


def _tokenizer(workspace: Workspace) -> str:
    """That of the workspace's model, before training if it has none yet."""
    manifest = workspace.manifest
    if manifest.checkpoints:
        return str(workspace.folder.tokenizer_path(manifest))
    return resolve(manifest.model.name)
