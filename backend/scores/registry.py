"""All producers, found by looking into `backend.scores.producers`."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from backend.errors import InputError
from backend.scores import producers
from backend.scores.score import Producer, Score


@cache
def all_producers() -> dict[str, Producer]:
    """Every producer by name, in the order of their names; those that combine others come last."""
    names = sorted(each.name for each in iter_modules(producers.__path__))
    found = [import_module(f"{producers.__name__}.{name}").PRODUCER for name in names]
    return {each.name: each for each in sorted(found, key=lambda each: each.combines)}


@cache
def all_scores() -> dict[str, Score]:
    """Every score by name."""
    return {score.name: score for each in all_producers().values() for score in each.scores}


def producer_of(name: str) -> Producer:
    """The producer of that name, or of the score of that name; `InputError` if there is none."""
    for producer in all_producers().values():
        if name == producer.name or name in (score.name for score in producer.scores):
            return producer
    known = ", ".join([*all_producers(), *all_scores()])
    raise InputError(f"--only {name}: no such score; there are {known}")
