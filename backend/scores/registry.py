"""All producers, found by looking into `backend.scores.producers`, and those that are registered."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from backend.errors import InputError
from backend.extensions import admit, load_extensions, origin
from backend.manifest import TaskName
from backend.scores import producers
from backend.scores.score import Producer, Score

RESERVED = frozenset(
    (
        *("id", "text", "text_b", "label", "group", "predicted", "wrong", "loss", "loss_per_token"),
        *("probability", "in_both", "target", "said", "error", "decision", "answer", "question"),
    )
)
"""Columns that rows have beside scores (`backend.queue.row_table`), so no score may be called so."""

_added: dict[str, Producer] = {}


@cache
def _built_in() -> dict[str, Producer]:
    names = sorted(each.name for each in iter_modules(producers.__path__))
    found = [import_module(f"{producers.__name__}.{name}").PRODUCER for name in names]
    return {each.name: each for each in found}


def register(producer: Producer) -> None:
    """Add scores that are defined elsewhere.

    Parameters
    ----------
    producer
        One pass over the training rows, with the `Score`s that it makes. Its ``name`` and theirs are what
        ``scores --only`` takes.

    Raises
    ------
    InputError
        Where one of the names is built in or taken by another file, or can't be a name. Registering a
        producer again from the same file or notebook replaces it.
    """
    comes_from = origin(producer.compute)
    if not producer.scores:
        raise InputError(f"producer {producer.name!r}: makes no score; give it one at least")
    others = [each for each in _added.values() if each.name != producer.name]
    admit(
        "producer",
        producer.name,
        comes_from,
        built_in={*_built_in(), *_columns(_built_in().values())},
        added={each.name: origin(each.compute) for each in _added.values()},
    )
    for score in producer.scores:
        built_in = {*_columns(_built_in().values()), *_built_in(), *RESERVED}
        admit("score", score.name, comes_from, built_in, dict.fromkeys(_columns(others), "another producer"))
    _added[producer.name] = producer
    for each in (_producers, _producers_for, _scores_for, _scores):
        each.cache_clear()


def extension_of(producer: Producer) -> str | None:
    """Where a producer comes from that is not built in (see `backend.extensions.origin`), else None."""
    return origin(producer.compute) if producer.name in _added else None


def all_producers() -> dict[str, Producer]:
    """Every producer by name, in the order of their names, those of extensions behind; those that combine
    others come last."""
    load_extensions()
    return _producers()


def producers_for(task: TaskName) -> dict[str, Producer]:
    """Those that serve a task, by name, in the same order."""
    load_extensions()
    return _producers_for(task)


def scores_for(task: TaskName) -> dict[str, Score]:
    """Every score that is made for a task, by name."""
    load_extensions()
    return _scores_for(task)


def all_scores() -> dict[str, Score]:
    """Every score by name."""
    load_extensions()
    return _scores()


def _columns(found: Iterable[Producer]) -> list[str]:
    return [score.name for each in found for score in each.scores]


@cache
def _producers() -> dict[str, Producer]:
    together = {**_built_in(), **_added}
    return dict(sorted(together.items(), key=lambda item: item[1].combines))


@cache
def _producers_for(task: TaskName) -> dict[str, Producer]:
    return {name: each for name, each in _producers().items() if each.scores_for(task)}


@cache
def _scores_for(task: TaskName) -> dict[str, Score]:
    return {score.name: score for each in _producers_for(task).values() for score in each.scores_for(task)}


@cache
def _scores() -> dict[str, Score]:
    return {score.name: score for each in _producers().values() for score in each.scores}


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
