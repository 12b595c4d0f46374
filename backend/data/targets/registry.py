"""The kinds of targets by task, and the space of a workspace's targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from backend.data import targets
from backend.data.messages import shown_value
from backend.data.targets.space import Space
from backend.errors import InputError
from backend.extensions import admit, how_to_load, load_extensions, origin
from backend.folder import Folder
from backend.manifest import TaskInfo, TaskName

if TYPE_CHECKING:
    from backend.data.targets.kind import TargetKind


_added: dict[TaskName, TargetKind] = {}


@cache
def _built_in() -> dict[TaskName, TargetKind]:
    names = [f"{targets.__name__}.{each.name}" for each in iter_modules(targets.__path__)]
    modules = [import_module(name) for name in names if name.endswith("_kind")]
    return {module.KIND.task: module.KIND for module in modules}


def register_kind(kind: TargetKind) -> None:
    """Add the targets of a task that is defined elsewhere; `InputError` where it is another one's name."""
    comes_from = {name: origin(type(each)) for name, each in _added.items()}
    _added[admit("task", kind.task, origin(type(kind)), _built_in(), comes_from)] = kind
    space_of.cache_clear()


def all_kinds() -> dict[TaskName, TargetKind]:
    """By task, those of extensions last."""
    load_extensions()
    return {**_built_in(), **_added}


def extension_of_kind(task: TaskName) -> str | None:
    """Where a task comes from that is not built in (`backend.extensions.origin`), else None."""
    return origin(type(_added[task])) if task in _added else None


def kind_of(task: TaskName) -> TargetKind:
    """The targets of a task; `InputError` where there is none of that name."""
    kind = all_kinds().get(task)
    if kind is None:
        raise InputError(f"task {shown_value(task)}: not known here; there are {', '.join(all_kinds())}")
    return kind


def require_kind(folder: Folder) -> None:
    """`InputError` where a workspace's task is not known in this process: what added it is not loaded."""
    manifest = folder.manifest()
    task, recorded = manifest.task.name, manifest.artifacts.get("data")
    if task not in all_kinds():
        comes_from = str(recorded.details.get("extension", "")) if recorded else ""
        raise InputError(
            f"{folder.path}: its task {shown_value(task)} is not known here, since the extension that adds "
            f"it is not loaded; {how_to_load(comes_from)}"
        )


@lru_cache(maxsize=32)
def space_of(info: TaskInfo) -> Space:
    """What the targets of a task can be."""
    return kind_of(info.name).space(info)


def holds(space: Space, target: str | None) -> bool:
    """Whether a text is a target, spelled as it is kept."""
    try:
        return target is not None and space.read(target) == target
    except InputError:
        return False


def present_in(info: TaskInfo, found: Sequence[str]) -> set[str]:
    """The names that occur in targets."""
    labels = kind_of(info.name).labels
    return {label for target in set(found) for label in labels(target)}


def counts_of(info: TaskInfo, found: Sequence[str]) -> dict[str, int]:
    """How many targets hold each name, zeros included; nothing where there are no names."""
    labels = kind_of(info.name).labels
    counts = Counter(label for target in found for label in labels(target))
    return {name: counts[name] for name in info.classes}
