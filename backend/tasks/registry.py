"""Which tasks there are, and which one a workspace or a model is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.folder import TaskName
from backend.tasks import classification, multilabel, regression
from backend.tasks.task import Task

if TYPE_CHECKING:
    from torch import nn

_TASKS: tuple[Task, ...] = (classification.TASK, multilabel.TASK, regression.TASK)


def all_tasks() -> dict[TaskName, Task]:
    """By name."""
    return {each.name: each for each in _TASKS}


def task_named(name: TaskName) -> Task:
    """The task of a workspace."""
    return all_tasks()[name]


def problem_of(recorded: str | None, outputs: int | None) -> str:
    """What a config means that may not say it: one output is a number, as transformers takes it."""
    if recorded:
        return recorded
    return (regression if outputs == 1 else classification).TASK.problem_type


def task_of(model: nn.Module) -> Task:
    """The task that a model was loaded for: its config says it in transformers' own words."""
    kind = problem_of(getattr(model.config, "problem_type", None), getattr(model.config, "num_labels", None))
    found = next((each for each in _TASKS if each.problem_type == kind), None)
    if found is None:
        raise ValueError(f"{type(model).__name__}: no task for problem_type {kind!r}")
    return found
