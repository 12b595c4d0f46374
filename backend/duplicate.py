"""A workspace's rows and decisions as a new workspace that waits for a model: another try."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from backend.errors import InputError
from backend.folder import Folder
from backend.manifest import ModelInfo
from backend.model.origin import was_attached
from backend.model.source import check_source


def duplicate(folder: Folder, path: Path, model: str | None = None, layers: int | None = None) -> None:
    """Make a workspace at ``path`` with the same rows, ids, decisions, versions and saved slices.

    Args:
        model, layers: to fine-tune there; default: those of ``folder``.
    Raises `InputError` where the model is not known, since a run was attached, or something is at ``path``.
    """
    manifest = folder.manifest()
    if model is None and (
        was_attached(folder) or (not manifest.checkpoints and manifest.model.name == "attached")
    ):
        raise InputError(f"{folder.path}: its run was attached; name the model to train with --model")
    own = manifest.model if model is None else ModelInfo(name=model)
    chosen = own if layers is None else own.model_copy(update={"layers": layers})
    check_source(chosen.name, chosen.layers, manifest.task.name)
    fresh = manifest.model_copy(
        update={
            "model": chosen,
            "max_length": manifest.max_length if model is None else None,
            "tokenizer": None,
            "checkpoints": (),
            "runs": (),
            "artifacts": {"data": manifest.artifacts["data"]},
        }
    )
    with Folder.create(path) as made:
        shutil.copytree(folder.data, made.data, ignore=shutil.ignore_patterns(".*"))
        if folder.slices.is_file():
            shutil.copy2(folder.slices, made.slices)
        if folder.review.is_file():
            _copy_log(folder.review, made.review)
        made.write_manifest(fresh)


def _copy_log(source: Path, target: Path) -> None:
    """As SQLite copies a database that others may be writing."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)
