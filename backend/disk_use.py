"""How much of the disk each part of a workspace takes, and what could be had back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backend.folder import Folder


@dataclass(frozen=True)
class Place:
    """A part of a workspace: its path within, what it is, and what makes it again (None: nothing does)."""

    path: str
    what: str
    again: str | None = None


@dataclass(frozen=True)
class DiskUse:
    """What a `Place` takes: ``bytes`` in ``files``; ``state`` of what was computed there, if it has one."""

    place: Place
    bytes: int
    files: int
    state: str | None = None


PLACES = (
    Place("data", "the rows of both splits"),
    Place("checkpoints", "the fine-tuning run with its checkpoints"),
    Place("adapters", "the adapters of the attached run"),
    Place("runs", "further trainings (`train --again`)"),
    Place("tokens", "tokens of all rows", "precompute"),
    Place("rows", "gradient rows", "precompute"),
    Place("predictions", "predictions of every row", "precompute"),
    Place("index", "the search index", "precompute"),
    Place("influence", "influence on all eval rows", "influence"),
    Place("scores", "scores of every training row", "scores"),
    Place("embeddings", "sentence embeddings", "scores"),
    Place("dynamics", "training rows at every look", "dynamics"),
    Place("features", "what other attribution methods keep", "prepare"),
    Place("matches", "the index of literal matches", "match"),
    Place("evaluations", "trainings of `evaluate`", "evaluate"),
    Place("retrains/outcomes", "what each retraining came to", "retrain"),
    Place("retrains/models", "models trained on your decisions", "retrain"),
    Place("exports", "exports"),
    Place("review.sqlite", "the log of decisions"),
)


def disk_use(folder: Folder) -> list[DiskUse]:
    """Every part that is there, the largest first; what belongs to none of `PLACES` comes as one more."""
    known = folder.manifest().artifacts
    found = []
    for place in PLACES:
        size, files = _size(folder.path / place.path)
        if files:
            state = folder.state(place.path) if place.path in known else None
            found.append(DiskUse(place, size, files, state))
    size, files = _size(folder.path)
    rest = files - sum(each.files for each in found)
    if rest > 0:
        taken = sum(each.bytes for each in found)
        found.append(DiskUse(Place("", "manifest, reports, locks and the like"), max(size - taken, 0), rest))
    return sorted(found, key=lambda each: -each.bytes)


def freeable(uses: list[DiskUse]) -> int:
    """Bytes that can be made again by a command."""
    return sum(each.bytes for each in uses if each.place.again)


def _size(path: Path) -> tuple[int, int]:
    """Bytes and number of files below ``path``, or of the file itself."""
    size = files = 0
    for each in _files(path):
        try:
            size += each.stat().st_size
        except OSError:  # gone meanwhile
            continue
        files += 1
    return size, files


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for root, _, names in os.walk(path):
        yield from (Path(root, name) for name in names)
