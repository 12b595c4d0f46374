"""Giving a workspace its checkpoints: a training of its own, or the run of somebody else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backend.data.dataset import load_split
from backend.errors import InputError
from backend.folder import CheckpointInfo, Folder, Manifest, digest, replacing
from backend.model.checkpoints import FoundCheckpoint, find_run, match_classes
from backend.model.fingerprint import weights_digest
from backend.model.loading import load_tokenizer, resolve
from backend.model.training import TrainingResult, train
from backend.model.training_settings import TrainingSettings
from backend.progress import Progress, silent


def train_run(folder: Folder, settings: TrainingSettings, progress: Progress = silent) -> TrainingResult:
    """Fine-tune the workspace's model into ``checkpoints/`` and record the checkpoints."""
    with folder.lock():
        manifest = _without_checkpoints(folder)
        training, evaluation = load_split(folder, "train"), load_split(folder, "eval")
        result = train(
            folder.checkpoints,
            model=manifest.model.name,
            layers=manifest.model.layers,
            classes=manifest.classes,
            train_texts=training.texts,
            train_texts_b=training.texts_b,
            train_labels=training.labels,
            eval_texts=evaluation.texts,
            eval_texts_b=evaluation.texts_b,
            eval_labels=evaluation.labels,
            settings=settings,
            progress=progress,
        )
        _record(
            folder,
            result.checkpoints,
            inside=True,
            classes=manifest.classes,
            max_length=result.max_length,
            eval_accuracy=result.eval_accuracy,
        )
    return result


def attach_run(
    folder: Folder,
    run: Path,
    *,
    classes: Sequence[str] | None = None,
    max_length: int | None = None,
    tokenizer: str | None = None,
    count: int = 4,
) -> list[str]:
    """Record the checkpoints of an existing Trainer run; returns notes for the user.

    ``classes`` names the run's classes in model order, ``tokenizer`` (folder or hub id) is for a run
    that has none. `InputError` if the run does not fit the data.
    """
    if count < 1:
        raise InputError(f"--checkpoints {count}: must be at least 1")
    with folder.lock():
        manifest = _without_checkpoints(folder)
        found = find_run(run, count)
        names, notes = match_classes(found, manifest.classes, classes)
        source = resolve(tokenizer) if tokenizer else found.tokenizer_source
        if source is None:
            raise InputError(f"{run}: has no tokenizer; name it with --tokenizer FOLDER_OR_HUB_ID")
        with replacing(folder.path / "tokenizer") as copy:
            load_tokenizer(source).save_pretrained(copy)
        _record(
            folder,
            found.checkpoints,
            inside=False,
            classes=names,
            max_length=max_length or manifest.max_length or found.max_length,
            tokenizer="tokenizer",
        )
    return [*found.notes, *notes]


def _without_checkpoints(folder: Folder) -> Manifest:
    manifest = folder.manifest()
    if manifest.checkpoints:
        raise InputError(
            f"{folder.path}: has checkpoints already; another model needs a new workspace (init)"
        )
    return manifest


def _record(
    folder: Folder,
    found: Sequence[FoundCheckpoint],
    *,
    inside: bool,
    classes: Sequence[str],
    max_length: int | None,
    tokenizer: str | None = None,
    **details: Any,
) -> None:
    """Write the checkpoints into the manifest and record the artifact; ``inside`` the workspace or not."""
    home = folder.path.resolve()
    checkpoints = [
        CheckpointInfo(
            path=(each.path.resolve().relative_to(home) if inside else each.path.resolve()).as_posix(),
            step=each.step,
            epoch=each.epoch,
            weight=each.weight,
        )
        for each in found
    ]
    files = {str(each.step): weights_digest(folder.checkpoint_path(each)) for each in checkpoints}
    change = {
        "classes": tuple(classes),
        "checkpoints": tuple(checkpoints),
        "max_length": max_length,
        "tokenizer": tokenizer,
    }
    folder.update(lambda manifest: manifest.model_copy(update=change))
    weights = [(each.step, each.weight) for each in checkpoints]
    folder.record(
        "checkpoints",
        ("data",),
        id=digest("checkpoints", files, weights, tuple(classes), max_length),
        files=files,
        made_by="train" if inside else "attach",
        **details,
    )
