"""Integrity: reads everything that was written and names what is damaged or missing."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from pathlib import Path

from backend.errors import InputError
from backend.folder import Folder
from backend.influence.answers.features import damaged_features
from backend.influence.gradients.sides import channels_of
from backend.influence.index.row_index import intact
from backend.influence.rowstore.basis import stored_codec
from backend.influence.rowstore.layout import RowsInfo, shard_path
from backend.influence.rowstore.plan import damaged_plan
from backend.influence.rowstore.shard import usable_shard
from backend.manifest import Manifest
from backend.matches.index import damaged_index
from backend.model.embeddings import whole_embeddings
from backend.model.fingerprint import changed_checkpoints
from backend.progress import Progress, silent
from backend.recorded import as_recorded, recorded_files
from backend.review.connection import damage as review_damage
from backend.review.slices import read_slices
from backend.scores.crossfit import damaged_crossfits
from backend.scores.table import damaged_tables

_TRIES = 3


def damaged_files(folder: Folder, *, repair: bool = False, progress: Progress = silent) -> list[str]:
    """One line per damaged or missing file of a recorded artifact.

    ``repair`` deletes the damaged ones that can be made again (rows, predictions, index, dynamics, influence,
    scores, embeddings, features), and holds the workspace's lock meanwhile. Raises `InputError` if another
    process holds it, or changes the workspace again and again.
    """
    with folder.lock() if repair else nullcontext():
        for _ in range(_TRIES):
            manifest = folder.manifest()
            lines = _damaged(folder, manifest, repair, progress)
            if not lines or folder.manifest() == manifest:  # else what was missed may be another's new state
                return lines
    raise InputError(f"{folder.path}: another process is changing this workspace; verify it afterwards")


def _damaged(folder: Folder, manifest: Manifest, repair: bool, progress: Progress) -> list[str]:
    lines = _data(folder, manifest)
    if "checkpoints" in manifest.artifacts:
        paths = changed_checkpoints(folder, thorough=True)
        lines += [f"{path}: weights damaged, changed or missing" for path in paths]
    # What is stale belongs to other data or checkpoints: `precompute` deals with it, and nothing reads it.
    if folder.state("rows") == "current":
        lines += _rows(folder, manifest, repair, progress)
    if folder.state("index") == "current" and not intact(folder.index):
        lines.append(f"{folder.index}: damaged or missing")
        if repair:
            shutil.rmtree(folder.index, ignore_errors=True)
    gone = [each for name, home in _homes(folder).items() for each in _unlike(folder, manifest, name, home)]
    gone += damaged_tables(folder) + _kept(folder)
    lines += [f"{path}: damaged or missing" for path in gone]
    for path in gone if repair else ():
        path.unlink(missing_ok=True)
    lines += [line for line in (_filters(folder), review_damage(folder.review)) if line]
    return lines


def _homes(folder: Folder) -> dict[str, Path]:
    """Where the files lie whose digests an artifact of that name records."""
    return {
        "predictions": folder.predictions,
        "dynamics": folder.dynamics,
        "influence": folder.influence,
        "words": folder.scores,
        "sources": folder.scores,
        "run_rows": folder.scores,
        "token_label": folder.scores,
    }


def _unlike(folder: Folder, manifest: Manifest, name: str, home: Path) -> list[Path]:
    """Files of a current artifact that are not as they were recorded."""
    if folder.state(name) != "current" or name not in manifest.artifacts:
        return []
    known = recorded_files(home, manifest.artifacts[name].details)
    return [path for path, mark in known.items() if not as_recorded(path, mark)]


def _data(folder: Folder, manifest: Manifest) -> list[str]:
    return [
        f"{path}: damaged, changed or missing; restore it from a backup, or import the data again"
        for path, mark in recorded_files(folder.data, manifest.artifacts["data"].details).items()
        if not as_recorded(path, mark)
    ]


def _rows(folder: Folder, manifest: Manifest, repair: bool, progress: Progress) -> list[str]:
    try:
        info = RowsInfo.read(folder.rows, manifest.artifacts["rows"].id)
        spans = info.spans(manifest.data.n_train)
    except ValueError as error:
        return [str(error)]
    lines = _bases(folder, manifest, info)
    channels = channels_of(manifest)
    total, done = len(spans) * len(channels), 0
    for channel in channels:
        for span, key in zip(spans, info.shard_keys(channel.name, len(spans)), strict=True):
            path = shard_path(folder.rows, channel.name, span.start)
            shard = usable_shard(path, key, len(span))
            if shard is None or not shard.intact():
                lines.append(f"{path}: damaged or missing")
                if repair:
                    path.unlink(missing_ok=True)
            done += 1
            progress("verify rows", done, total)
    return lines


def _bases(folder: Folder, manifest: Manifest, info: RowsInfo) -> list[str]:
    lines = []
    for channel in channels_of(manifest):
        try:
            stored_codec(folder, channel, info.row_store)
        except ValueError as error:
            lines.append(str(error))
    return lines


def _kept(folder: Folder) -> list[Path]:
    """Damaged files that no artifact records: embeddings, gradients of other layers, and the like."""
    damaged = [each for each in sorted(folder.embeddings.glob("*.safetensors")) if not whole_embeddings(each)]
    homes = sorted(folder.features.glob("*/"))
    damaged += [each for home in homes for each in damaged_features(home, thorough=True)]
    return damaged + damaged_crossfits(folder) + damaged_plan(folder.rows) + damaged_index(folder)


def _filters(folder: Folder) -> str | None:
    try:
        read_slices(folder.slices)
    except InputError as error:
        return str(error)
    return None
