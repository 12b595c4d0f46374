"""Which tasks there are, and which one a model was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.tasks import classification
from backend.tasks.task import Task

if TYPE_CHECKING:
    from torch import nn

_TASKS: tuple[Task, ...] = (classification.TASK,)


def all_tasks() -> dict[str, Task]:
    """By name."""
    return {each.name: each for each in _TASKS}


def task_of(model: nn.Module) -> Task:
    """The task that a model was loaded for: its config says it in transformers' own words."""
    kind = getattr(model.config, "problem_type", None) or classification.TASK.problem_type
    found = next((each for each in _TASKS if each.problem_type == kind), None)
    if found is None:
        raise ValueError(f"{type(model).__name__}: no task for problem_type {kind!r}")
    return found
