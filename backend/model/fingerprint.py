"""What identifies a checkpoint's weights, and whether they are still those that were recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backend.errors import InputError
from backend.files import digest, file_digest
from backend.folder import Folder
from backend.manifest import CheckpointInfo, Manifest
from backend.model.adapter_files import is_adapter, recorded_base


def fingerprint(checkpoint: Path, read: dict[Path, str] | None = None) -> dict[str, Any]:
    """Digest of all weight files of a checkpoint folder, and their sizes and times for a quick look.

    ``read`` takes the digests of files and gives those it has: adapters of one base read it once.
    """
    read = {} if read is None else read
    files = _weight_files(checkpoint)
    for path in files:
        if path not in read:
            read[path] = file_digest(path)
    return {
        "digest": digest([(path.name, read[path]) for path in files]),
        "files": _look(checkpoint),
    }


def start_digest(model: Path) -> str | None:
    """Identifies what a training starts from: a folder's weights and config; None for a hub id, which goes by
    its name.
    """
    if not model.is_dir():
        return None
    return digest(fingerprint(model)["digest"], [file_digest(each) for each in model.glob("config.json")])


def recorded_digest(manifest: Manifest, checkpoint: CheckpointInfo) -> str:
    """The digest of a checkpoint's weights when it was recorded."""
    return manifest.artifacts["checkpoints"].details["weights"][str(checkpoint.step)]["digest"]


def _weight_files(checkpoint: Path) -> list[Path]:
    """Those of the folder and, where it holds an adapter, of its base, if that is a folder."""
    own = sorted(checkpoint.glob("*.safetensors"))
    base = recorded_base(checkpoint) if is_adapter(checkpoint) else ""
    return own + (sorted(Path(base).glob("*.safetensors")) if base and Path(base).is_dir() else [])


def _look(checkpoint: Path) -> list[list[Any]]:
    return [[each.name, each.stat().st_size, each.stat().st_mtime_ns] for each in _weight_files(checkpoint)]


def changed_checkpoints(folder: Folder, *, thorough: bool) -> list[Path]:
    """Checkpoints whose weights are not those that were recorded, or are missing.

    Unless ``thorough``, files of the same size and time are taken to be the same.
    """
    manifest = folder.manifest()
    recorded = manifest.artifacts["checkpoints"].details["weights"]
    changed: list[Path] = []
    read: dict[Path, str] = {}
    for each in manifest.checkpoints:
        path, known = folder.checkpoint_path(each), recorded[str(each.step)]
        same = not thorough and _look(path) == known["files"]
        if not same and fingerprint(path, read)["digest"] != known["digest"]:
            changed.append(path)
    return changed


def require_unchanged(folder: Folder) -> None:
    """`InputError` if a checkpoint is not the one that was recorded: its rows would be another model's."""
    changed = changed_checkpoints(folder, thorough=False)
    if changed and is_adapter(changed[0]):
        raise InputError(
            f"{changed[0]}: the adapter or the model that it belongs to, {recorded_base(changed[0])}, "
            "changed or is missing; restore it, or attach the run again (--base says where that model is)"
        )
    if changed:
        raise InputError(
            f"{changed[0]}: weights changed or missing since they were recorded; "
            "restore them, or use the new ones in a new workspace"
        )
