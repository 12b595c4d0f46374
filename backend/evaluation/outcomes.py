"""Outcomes of many trainings on disk: a file for each `SmallTraining`, a line per training, only ever
appended to. A line that a killed process left half-written is ignored."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock

from backend.data.targets.registry import space_of
from backend.evaluation.retrainer import SmallTraining, Training, retrained
from backend.folder import Folder
from backend.progress import Progress, silent

_STAGE = "retraining"


def outcomes_of(
    folder: Folder,
    small: SmallTraining,
    trainings: Sequence[Training],
    workers: int,
    progress: Progress = silent,
) -> dict[str, np.ndarray]:
    """Class probabilities of the queries, float32 (q, K), by the key of every training; what is there is not
    trained again."""
    path = folder.path / "evaluations" / f"{small.mark}.jsonl"
    wanted = {each.key: each for each in trainings}
    shape = (len(small.queries), len(space_of(small.task).names))
    found = {key: each for key, each in _read(path, shape) if key in wanted}
    missing = [each for key, each in wanted.items() if key not in found]
    progress(_STAGE, len(found), len(wanted))
    if not missing:
        return found
    path.parent.mkdir(exist_ok=True)
    with FileLock(path.with_suffix(".lock")), path.open("a", encoding="utf-8") as file:
        _end_line(path)
        # Another evaluation may have trained some of them while this one waited.
        found |= {key: each for key, each in _read(path, shape) if key in wanted}
        missing = [each for key, each in wanted.items() if key not in found]
        for training, values in retrained(small, missing, workers):
            found[training.key] = values
            text = base64.b64encode(values.astype(np.float32).tobytes()).decode()
            file.write(json.dumps({"key": training.key, "values": text}) + "\n")
            file.flush()
            progress(_STAGE, len(found), len(wanted))
    return found


def _read(path: Path, shape: tuple[int, int]) -> Iterator[tuple[str, np.ndarray]]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
            key = str(record["key"])
            values = np.frombuffer(base64.b64decode(record["values"]), dtype=np.float32).reshape(shape)
        except (ValueError, KeyError, TypeError):
            continue
        yield key, values


def _end_line(path: Path) -> None:
    """What is appended starts on a line of its own."""
    if path.exists() and path.read_bytes()[-1:] not in (b"", b"\n"):
        with path.open("a", encoding="utf-8") as file:
            file.write("\n")
