"""The copy of a run's adapters that a workspace keeps, each with the place and the config of its base.

Adapters are small, and their folders do not say all that loading them takes; whoever moves the base attaches
the run again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from backend.errors import InputError
from backend.files import digest, file_digest, read_json, replacing, write_json
from backend.manifest import TaskInfo
from backend.model.adapter_files import CONFIG, WEIGHTS, read_adapter, recorded_base
from backend.model.adapters import base_config
from backend.model.checkpoints import FoundCheckpoint
from backend.model.group_rates import OPTIMIZER, SCHEDULER
from backend.model.trainer_log import STATE_FILE
from backend.tasks.registry import mark, task_named

FOLDER = "adapters"
_LEFT = ("megatron_config", "megatron_core", "auto_mapping", "revision")  # names of code; of the hub's past
_TAKEN = (CONFIG, WEIGHTS, STATE_FILE, OPTIMIZER, SCHEDULER)


@contextmanager
def kept_adapters(
    workspace: Path, found: Sequence[FoundCheckpoint], base: str, task: TaskInfo
) -> Iterator[list[FoundCheckpoint]]:
    """Yields the checkpoints as copies that can be loaded; they stay in the workspace unless there is an
    error in the block, beside those that the manifest names still.

    ``base``: folder of the model that all belong to. Raises `InputError`, about the user's own folders.
    """
    with replacing(_home(workspace, found, base, task)) as home:
        try:
            yield [_copy(each, home / each.path.name, base, task) for each in found]
        except InputError as error:
            said = str(error)
            for each in found:
                said = said.replace(str(home / each.path.name), str(each.path))
            raise InputError(said) from error


def in_place(
    workspace: Path, found: Sequence[FoundCheckpoint], base: str, task: TaskInfo
) -> list[FoundCheckpoint]:
    """The copies where they lie after the block of `kept_adapters`."""
    home = _home(workspace, found, base, task)
    return [replace(each, path=home / each.path.name) for each in found]


def forget_others(workspace: Path, kept: Sequence[FoundCheckpoint]) -> None:
    """Delete the copies that no manifest names any more, once ``kept`` are those that it names."""
    named = {each.path.parent for each in kept}
    for home in (workspace / FOLDER).iterdir():
        if home not in named:
            shutil.rmtree(home)


def _home(workspace: Path, found: Sequence[FoundCheckpoint], base: str, task: TaskInfo) -> Path:
    """A folder for these adapters on this base: other content has another name."""
    content = [(each.path.name, file_digest(each.path / WEIGHTS)) for each in found]
    return workspace / FOLDER / digest("adapters", base, task.name, task.classes, content)[:16]


def _copy(found: FoundCheckpoint, target: Path, base: str, task: TaskInfo) -> FoundCheckpoint:
    adapter = read_adapter(found.path)
    target.mkdir(parents=True)
    for name in _TAKEN:
        if (found.path / name).is_file():
            shutil.copyfile(found.path / name, target / name)
    said = {name: value for name, value in (read_json(target / CONFIG) or {}).items() if name not in _LEFT}
    write_json(target / CONFIG, {**said, "base_model_name_or_path": base})
    config = base_config(adapter, base)
    mark(config, task_named(task.name))
    config.save_pretrained(target)
    return replace(found, path=target)


def require_one_base(found: Sequence[FoundCheckpoint]) -> None:
    """`InputError` where the run's adapters were trained on several models."""
    recorded = {recorded_base(each.path): each.path for each in found}
    if len(recorded) > 1:
        (one, here), (other, there), *_ = recorded.items()
        raise InputError(
            f"{here} and {there} hold adapters of two models, {one} and {other}: not one run's checkpoints"
        )
