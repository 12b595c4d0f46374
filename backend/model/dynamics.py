"""Training dynamics on disk: what scores read of every training row at each look that training takes at
them.

``run-SEED.safetensors``, one file per training run, in ``dynamics/``, or in ``runs/N/dynamics/`` of the N-th
training (``train --again``), so that nothing of the one before is touched: what `Task.record` names, each
(E, n). Its metadata hold ``epochs`` (E numbers, fractional for a look within an epoch) and a key, which
changes whenever data, classes or tokens do. Earlier Firstwords kept ``logits`` float32 (E, n, K) instead:
they are read as what they say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from backend.data.conversation import reading_of
from backend.data.shards import target_numbers
from backend.errors import InputError
from backend.files import digest, file_digest, replacing
from backend.folder import Folder
from backend.manifest import Artifact, Manifest
from backend.model.loading import load_tokenizer
from backend.model.token_table import tokenizer_id
from backend.program import COMMAND
from backend.recorded import as_recorded
from backend.tasks.registry import task_named

_LOGITS = "logits"
_RECORD = "1"  # what tasks record of a row; another one where its names or formulas change
_RUN = re.compile(r"run-(\d{1,10})\.safetensors")


@dataclass(frozen=True)
class Dynamics:
    """What a task records of the n training rows at E looks, by name, each (E, n).

    ``epochs``: after how many each look was taken, None where it is not known.
    """

    values: dict[str, np.ndarray]
    epochs: tuple[float | None, ...]


def as_looks(records: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Records of E looks (n) as arrays (E, n), by name."""
    return {name: np.stack([each[name] for each in records]) for name in records[0]}


def said_by(folder: Folder, looks: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """What E looks say of the training rows, from the logits (n, K) of each: arrays (E, n), by name."""
    task, targets = task_named(folder.manifest().task.name), target_numbers(folder, "train")
    return as_looks([task.record(each, targets) for each in looks])


def run_path(home: Path, seed: int) -> Path:
    """Where in ``home`` the log of the run with ``seed`` lies."""
    return home / f"run-{seed}.safetensors"


def dynamics_key(manifest: Manifest, tokenizer: Path, max_length: int | None) -> str:
    """What the log of a run belongs to: data, classes, and how texts become tokens."""
    rules = tokenizer_id(load_tokenizer(tokenizer), reading_of(manifest.task))
    return digest("dynamics", 1, manifest.data.fingerprint, manifest.classes, rules, max_length)


def has_run(home: Path, seed: int, key: str) -> bool:
    """Whether the log of the run with ``seed`` is there, with this key."""
    metadata = _metadata(run_path(home, seed))
    return metadata.get("key") == key and _is_readable(metadata)


def write_run(home: Path, seed: int, dynamics: Dynamics, key: str) -> None:
    """Write the log of a run, whole or not at all."""
    with replacing(run_path(home, seed)) as temporary:
        metadata = {"key": key, "epochs": json.dumps(dynamics.epochs), "record": _RECORD}
        save_file(dynamics.values, temporary, metadata)


def record_runs(folder: Folder, key: str) -> None:
    """Record all runs with this key as the artifact ``dynamics``; one at least must be there."""
    artifact = runs_artifact(folder, folder.dynamics_run, key)
    folder.record("dynamics", ("data",), id=artifact.id, **artifact.details)


def runs_artifact(folder: Folder, number: int, key: str) -> Artifact:
    """The artifact ``dynamics`` of the ``number``-th training, not recorded: all its runs with this key."""
    home = folder.dynamics_of(number)
    names = [match for path in home.iterdir() if (match := _RUN.fullmatch(path.name))]
    seeds = sorted(seed for match in names if has_run(home, seed := int(match[1]), key))
    paths = [run_path(home, seed) for seed in seeds]
    files = {path.name: file_digest(path) for path in paths}
    epochs = [len(json.loads(_metadata(path)["epochs"])) for path in paths]
    identity = digest("dynamics", key, files)
    return folder.made(
        "dynamics", ("data",), id=identity, run=number, seeds=seeds, epochs=epochs, files=files
    )


def read_runs(folder: Folder) -> list[Dynamics]:
    """The recorded runs, by seed; `InputError` if the record is missing or stale, or a file is damaged."""
    files = folder.require("dynamics", "dynamics").details["files"]
    return [_read_run(folder, folder.dynamics / name, content, len(files)) for name, content in files.items()]


def _read_run(folder: Folder, path: Path, content: str, runs: int) -> Dynamics:
    try:
        if not as_recorded(path, content):
            raise OSError("its content has changed")
        with safe_open(path, "np") as file:
            metadata = file.metadata()
            values = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if not _is_readable(metadata):
            raise ValueError("made by another version")
        epochs = tuple(json.loads(metadata["epochs"]))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: damaged or missing; delete it and run `{COMMAND} dynamics {folder.path} --seeds {runs}`"
        ) from error
    return Dynamics(said_by(folder, values[_LOGITS]) if _LOGITS in values else values, epochs)


def _is_readable(metadata: dict[str, str]) -> bool:
    """Whether a log holds what tasks record now, or logits, from which that can be had."""
    return metadata.get("record", _RECORD) == _RECORD


def _metadata(path: Path) -> dict[str, str]:
    """The metadata of a whole file; nothing for one that is cut off, damaged or missing."""
    try:
        with safe_open(path, "np") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError):
        return {}
