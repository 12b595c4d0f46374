"""Which folder of a Trainer run somebody means; loads no torch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from backend.data.messages import shown_name
from backend.errors import InputError
from backend.model.sharded_weights import how_to_merge, refuse_shards

FOLDER = re.compile(r"checkpoint-(\d{1,15})")
_GIVE = "give the output folder of a Trainer run"
_LEVELS = 3  # below or above what was given
_LOOKED_AT = 2_000  # folders
_SHOWN = 3


def checkpoint_folders(run: Path) -> dict[int, Path]:
    """Folders called checkpoint-STEP, by step; empty where ``run`` is no folder or can't be read."""
    try:
        matches = [(match, each) for each in run.iterdir() if (match := FOLDER.fullmatch(each.name))]
        found = {int(match[1]): each for match, each in matches if each.is_dir()}
    except OSError:
        return {}
    return dict(sorted(found.items()))


def require_folder(run: Path) -> None:
    """`InputError` unless ``run`` is a folder, with or without checkpoints."""
    if run.is_file():
        near = _around(run)
        raise InputError(f"{run}: is a file; {f'the run is {near}' if near else _GIVE}")
    if not run.is_dir():
        raise InputError(f"{run}: no such folder; {_GIVE}")


def require_run(run: Path) -> None:
    """`InputError` unless ``run`` holds checkpoints or is one; it says which folder near it does.

    So where the weights of all of them must be merged first.
    """
    require_folder(run)
    if usable := list(checkpoint_folders(run).values()) or [run] * _is_checkpoint(run):
        if all(map(how_to_merge, usable)):
            refuse_shards(usable[-1], str(usable[-1]))
        return
    if below := list(islice(_below(run), _SHOWN + 1)):
        named = ", ".join(shown_name(str(each)) for each in below[:_SHOWN])
        more = " and others" if len(below) > _SHOWN else ""
        raise InputError(f"{run}: no checkpoint-* folders here, but in {named}{more}; give the one you mean")
    if near := _around(run):
        raise InputError(f"{run}: lies within a run and is no checkpoint; the run is {near}")
    raise InputError(f"{run}: no checkpoint-* folders here; {_GIVE}")


def said_of_single(run: Path) -> str:
    """The note about a folder that is used as the only checkpoint."""
    above = run.absolute().parent
    siblings = checkpoint_folders(above) if FOLDER.fullmatch(run.name) else {}
    if len(siblings) > 1:
        return (
            f"{run} is one of the {len(siblings)} checkpoints in {above}: influence is computed at that one "
            "only; give the folder above for all of the training."
        )
    what = "is a single checkpoint" if FOLDER.fullmatch(run.name) else "holds a final model, no checkpoint-*"
    return f"{run} {what}: influence is computed at the end of training only{_elsewhere(run)}."


def _is_checkpoint(folder: Path) -> bool:
    """By its name, or by what lies in it: whether that can be used is another question."""
    marks = ("config.json", "adapter_config.json")
    return bool(FOLDER.fullmatch(folder.name)) or any((folder / name).is_file() for name in marks)


def _elsewhere(run: Path) -> str:
    below = next(_below(run), None)
    return f"; checkpoints lie in {shown_name(str(below))}" if below else ""


def _around(place: Path) -> Path | None:
    """The nearest folder above that holds checkpoints."""
    above = list(place.absolute().parents)[:_LEVELS]
    return next((each for each in above if checkpoint_folders(each)), None)


def _below(run: Path) -> Iterator[Path]:
    """Folders below that hold checkpoints, the nearest first."""
    level, left = [run], _LOOKED_AT
    for _ in range(_LEVELS):
        inner = [each for folder in level for each in islice(_folders(folder), left)]
        left -= len(inner)
        level = []
        for each in inner:
            if checkpoint_folders(each):
                yield each
            else:
                level.append(each)


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    except OSError:
        return []
