"""Putting checkpoints in force, a training's own or attached ones, by one write of the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backend.data.conversation import reading_of
from backend.files import digest
from backend.folder import Folder
from backend.manifest import Artifact, CheckpointInfo, EarlierRun, ModelInfo, TaskInfo
from backend.model.checkpoints import FoundCheckpoint
from backend.model.fingerprint import fingerprint
from backend.model.loading import load_tokenizer
from backend.model.token_table import tokenizer_id


def record_checkpoints(
    folder: Folder,
    found: Sequence[FoundCheckpoint],
    *,
    inside: bool,
    task: TaskInfo,
    max_length: int | None,
    tokenizer: str | None = None,
    model: ModelInfo | None = None,
    runs: Sequence[EarlierRun] = (),
    dynamics: Artifact | None = None,
    run: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write the checkpoints into the manifest and record the artifact.

    ``inside``: whether they are the workspace's own, or attached.

    ``details``: figures and the like. ``dynamics`` is recorded in the same write, or ceases to be; ``runs``
    are those before.
    """
    home = folder.path.resolve()
    checkpoints = [
        CheckpointInfo(
            path=_recorded(each.path.resolve(), home),
            step=each.step,
            epoch=each.epoch,
            weight=each.weight,
        )
        for each in found
    ]
    read: dict[Path, str] = {}
    weights = {str(each.step): fingerprint(folder.checkpoint_path(each), read) for each in checkpoints}
    change: dict[str, Any] = {
        "task": task,
        "checkpoints": tuple(checkpoints),
        "max_length": max_length,
        "tokenizer": tokenizer,
        "runs": tuple(runs),
    }
    if model is not None:
        change["model"] = model
    etas = [(each.step, each.weight, weights[str(each.step)]["digest"]) for each in checkpoints]
    made_by = load_tokenizer(home / tokenizer if tokenizer else found[-1].path)
    rules = tokenizer_id(made_by, reading_of(task))
    folder.record(
        "checkpoints",
        ("data",),
        id=digest("checkpoints", etas, task.classes, max_length, rules),
        change=change,
        others={"dynamics": dynamics},
        weights=weights,
        made_by="train" if inside else "attach",
        **({} if run is None else {"run": run}),
        **(details or {}),
    )


def _recorded(path: Path, home: Path) -> str:
    """A path relative to the workspace where it lies in there."""
    return (path.relative_to(home) if path.is_relative_to(home) else path).as_posix()
