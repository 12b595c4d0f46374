"""All producers, found by looking into `backend.scores.producers`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from backend.errors import InputError
from backend.manifest import TaskName
from backend.scores import producers
from backend.scores.score import Producer, Score


@cache
def all_producers() -> dict[str, Producer]:
    """Every producer by name, in the order of their names; those that combine others come last."""
    names = sorted(each.name for each in iter_modules(producers.__path__))
    found = [import_module(f"{producers.__name__}.{name}").PRODUCER for name in names]
    return {each.name: each for each in sorted(found, key=lambda each: each.combines)}


@cache
def producers_for(task: TaskName) -> dict[str, Producer]:
    """Those that serve a task, by name, in the same order."""
    return {name: each for name, each in all_producers().items() if each.scores_for(task)}


@cache
def scores_for(task: TaskName) -> dict[str, Score]:
    """Every score that is made for a task, by name."""
    return {score.name: score for each in producers_for(task).values() for score in each.scores_for(task)}


@cache
def all_scores() -> dict[str, Score]:
    """Every score by name."""
    return {score.name: score for each in all_producers().values() for score in each.scores}


def producer_of(name: str, task: TaskName | None = None) -> Producer:
    """The producer of that name, or of the score of that name; `InputError` if there is none (for the task,
    where one is named)."""
    found = next((each for each in all_producers().values() if name in _names(each)), None)
    if found is not None and (task is None or name in served(task)):
        return found
    if found is None or task is None:
        known = ", ".join([*all_producers(), *all_scores()] if task is None else served(task))
        raise InputError(f"--only {name}: no such score; there are {known}")
    own = None if name == found.name else all_scores()[name].tasks
    made_for = own or found.tasks or ()
    why = f"made for {', '.join(made_for)}; this workspace is {task}" if made_for else f"not made for {task}"
    raise InputError(f"--only {name}: {why}; there are {', '.join(producers_for(task))}")


def served(task: TaskName) -> list[str]:
    """The names of producers and of scores that a task has."""
    return list(dict.fromkeys([*producers_for(task), *scores_for(task)]))


def _names(producer: Producer) -> list[str]:
    return [producer.name, *(score.name for score in producer.scores)]
