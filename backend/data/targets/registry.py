"""The space of a workspace's targets."""

from __future__ import annotations

from functools import lru_cache

from backend.data.targets.class_space import ClassSpace
from backend.data.targets.label_sets import LabelSetSpace
from backend.data.targets.number_space import NumberSpace
from backend.data.targets.space import Space
from backend.errors import InputError
from backend.folder import TaskInfo


@lru_cache(maxsize=32)
def space_of(task: TaskInfo) -> Space:
    """What the targets of a task can be."""
    if task.name == "multilabel":
        return LabelSetSpace(task.classes)
    if task.name == "regression":
        assert task.range is not None
        return NumberSpace(*task.range)
    return ClassSpace(task.classes)


def holds(space: Space, target: str | None) -> bool:
    """Whether a text is a target, spelled as it is kept."""
    try:
        return target is not None and space.read(target) == target
    except InputError:
        return False
