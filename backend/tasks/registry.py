"""Which tasks there are, and which one a workspace or a model is of.

A module of this package with a ``TASK`` is found; one that is defined elsewhere is registered.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from backend import tasks
from backend.data.targets.kind import TargetKind
from backend.data.targets.registry import register_kind
from backend.errors import InputError
from backend.extensions import load_extensions
from backend.manifest import TaskName
from backend.tasks import causal_lm, classification, regression
from backend.tasks.heads import writes_text
from backend.tasks.task import Task

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedConfig

_MARK = "firstword_task"
"""In the config of a model: a task for which transformers' `problem_type` has no word."""


_added: dict[TaskName, Task] = {}


@cache
def _built_in() -> dict[TaskName, Task]:
    modules = [import_module(f"{tasks.__name__}.{each.name}") for each in iter_modules(tasks.__path__)]
    return {module.TASK.name: module.TASK for module in modules if hasattr(module, "TASK")}


def register(task: Task, kind: TargetKind) -> None:
    """Add a task that is defined elsewhere, and what its targets are.

    Parameters
    ----------
    task
        What a model learns: losses, their derivatives, figures. Its ``name`` is what ``--task`` takes.
    kind
        What targets are, from a column of a source on; its ``task`` is the same name.

    Raises
    ------
    InputError
        Where the name is that of a built-in task or of one from another file, can't be a name, or differs
        between the two. Registering one again from the same file or notebook replaces it.
    """
    if task.name != kind.task:
        raise InputError(f"task {task.name!r}: its targets are of {kind.task!r}; both must have one name")
    register_kind(kind)
    _added[task.name] = task


def all_tasks() -> dict[TaskName, Task]:
    """By name, those of extensions last."""
    load_extensions()
    return {**_built_in(), **_added}


def task_named(name: TaskName) -> Task:
    """The task of a workspace; `InputError` where there is none of that name."""
    found = all_tasks().get(name)
    if found is None:
        raise InputError(f"task {name!r}: not known here; there are {', '.join(all_tasks())}")
    return found


def _first_of(problem_type: str) -> Task | None:
    """The task that a `problem_type` without more stands for."""
    named = (each for each in all_tasks().values() if each.problem_type)
    return next((each for each in named if each.problem_type == problem_type), None)


def mark(config: PreTrainedConfig, task: Task) -> None:
    """Note in a model's config what it is to be trained for."""
    config.problem_type = task.problem_type or None
    if not task.problem_type:  # its class says it
        return
    if _first_of(task.problem_type) is not task:
        setattr(config, _MARK, task.name)
    elif hasattr(config, _MARK):
        delattr(config, _MARK)


def problem_of(recorded: str | None, outputs: int | None) -> str:
    """What a config means that may not say it: one output is a number, as transformers takes it."""
    if recorded:
        return recorded
    return (regression if outputs == 1 else classification).TASK.problem_type


def task_of(model: nn.Module) -> Task:
    """The task that a model was loaded for: its class, or its config in transformers' own words."""
    if writes_text(type(model).__name__):
        return causal_lm.TASK
    config = model.config
    own = getattr(config, _MARK, None)
    if own is not None:
        return task_named(str(own))
    kind = problem_of(getattr(config, "problem_type", None), getattr(config, "num_labels", None))
    found = _first_of(kind)
    if found is None:
        raise ValueError(f"{type(model).__name__}: no task for problem_type {kind!r}")
    return found
