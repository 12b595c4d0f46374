"""Integrity: reads everything that was written and names what is damaged or missing."""

from __future__ import annotations

import shutil

from backend.data.shards import shard_ranges
from backend.files import file_digest
from backend.folder import Folder, Manifest
from backend.influence.basis import stored_codec
from backend.influence.features import damaged_features
from backend.influence.index import intact
from backend.influence.store import RowsInfo, shard_path, usable_shard
from backend.influence.whole_set import whole_set_files
from backend.model.embeddings import whole_embeddings
from backend.model.fingerprint import changed_checkpoints
from backend.model.prediction_table import predictions_path
from backend.progress import Progress, silent
from backend.review.connection import damage as review_damage


def damaged_files(folder: Folder, *, repair: bool = False, progress: Progress = silent) -> list[str]:
    """One line per damaged or missing file of a recorded artifact.

    ``repair`` deletes the damaged ones that can be made again: rows, predictions, index, dynamics,
    influence, embeddings, features.
    """
    manifest = folder.manifest()
    lines = _data(folder, manifest)
    if "checkpoints" in manifest.artifacts:
        paths = changed_checkpoints(folder, thorough=True)
        lines += [f"{path}: weights damaged, changed or missing" for path in paths]
    # What is stale belongs to other data or checkpoints: `precompute` deals with it, and nothing reads it.
    if folder.state("rows") == "current":
        lines += _rows(folder, manifest, repair, progress)
    if folder.state("predictions") == "current":
        lines += _predictions(folder, manifest, repair)
    if folder.state("index") == "current" and not intact(folder.index):
        lines.append(f"{folder.index}: damaged or missing")
        if repair:
            shutil.rmtree(folder.index, ignore_errors=True)
    if folder.state("dynamics") == "current":
        lines += _dynamics(folder, manifest, repair)
    if folder.state("influence") == "current":
        lines += _influence(folder, manifest, repair)
    lines += _kept(folder, repair)
    lines += [line for line in [review_damage(folder.review)] if line]
    return lines


def _data(folder: Folder, manifest: Manifest) -> list[str]:
    digests = manifest.artifacts["data"].details.get("files", {})
    paths = [folder.data / name for name in digests]
    return [
        f"{path}: damaged, changed or missing; restore it from a backup, or import the data again"
        for path in paths
        if not path.is_file() or file_digest(path) != digests[path.name]
    ]


def _rows(folder: Folder, manifest: Manifest, repair: bool, progress: Progress) -> list[str]:
    try:
        info = RowsInfo.read(folder.rows, manifest.artifacts["rows"].id)
    except ValueError as error:
        return [str(error)]
    ranges, lines = shard_ranges(manifest.data.n_train), _bases(folder, manifest, info)
    total, done = len(ranges) * len(manifest.checkpoints), 0
    for checkpoint in manifest.checkpoints:
        for number, key in enumerate(info.shard_keys(checkpoint.step, len(ranges))):
            path = shard_path(folder.rows, checkpoint.step, number)
            shard = usable_shard(path, key, len(ranges[number]))
            if shard is None or not shard.intact():
                lines.append(f"{path}: damaged or missing")
                if repair:
                    path.unlink(missing_ok=True)
            done += 1
            progress("verify rows", done, total)
    return lines


def _bases(folder: Folder, manifest: Manifest, info: RowsInfo) -> list[str]:
    lines = []
    for checkpoint in manifest.checkpoints:
        try:
            stored_codec(folder, checkpoint, info.row_store)
        except ValueError as error:
            lines.append(str(error))
    return lines


def _predictions(folder: Folder, manifest: Manifest, repair: bool) -> list[str]:
    lines, digests = [], manifest.artifacts["predictions"].details["files"]
    for checkpoint in manifest.checkpoints:
        for split in ("train", "eval"):
            path = predictions_path(folder, split, checkpoint.step)
            if not path.is_file() or file_digest(path) != digests.get(path.name):
                lines.append(f"{path}: damaged or missing")
                if repair:
                    path.unlink(missing_ok=True)
    return lines


def _influence(folder: Folder, manifest: Manifest, repair: bool) -> list[str]:
    lines, digests = [], manifest.artifacts["influence"].details["files"]
    for path in whole_set_files(folder):
        if not path.is_file() or file_digest(path) != digests.get(path.name):
            lines.append(f"{path}: damaged or missing")
            if repair:
                path.unlink(missing_ok=True)
    return lines


def _dynamics(folder: Folder, manifest: Manifest, repair: bool) -> list[str]:
    lines = []
    for name, known in manifest.artifacts["dynamics"].details["files"].items():
        path = folder.dynamics / name
        if not path.is_file() or file_digest(path) != known:
            lines.append(f"{path}: damaged or missing; `dynamics` trains its run again")
            if repair:
                path.unlink(missing_ok=True)
    return lines


def _kept(folder: Folder, repair: bool) -> list[str]:
    """Sentence embeddings and gradients of other layers: files that no artifact records."""
    damaged = [each for each in sorted(folder.embeddings.glob("*.safetensors")) if not whole_embeddings(each)]
    damaged += [each for home in sorted(folder.features.glob("*/")) for each in damaged_features(home)]
    if repair:
        for path in damaged:
            path.unlink(missing_ok=True)
    return [f"{path}: damaged or missing" for path in damaged]
