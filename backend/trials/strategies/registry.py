"""All strategies, in the order in which they are listed."""

from __future__ import annotations

import math
from functools import cache
from importlib import import_module
from typing import Any

from backend.errors import InputError
from backend.extensions import admit, load_extensions, origin
from backend.manifest import TaskName
from backend.trials import strategies
from backend.trials.strategies.strategy import Strategy

DECISIONS = "decisions"
BUILT_IN = ("mask", "dga", "select", "prune", "reweight")
"""Modules of this package and names of the strategies in them; they load torch, so not before one is read."""

_added: dict[str, Strategy] = {}


@cache
def _built_in() -> dict[str, Strategy]:
    return {name: import_module(f"{strategies.__name__}.{name}").STRATEGY for name in BUILT_IN}


def register(strategy: Strategy) -> None:
    """Add a strategy of retraining that is defined elsewhere.

    Parameters
    ----------
    strategy
        Which arms are trained and which control stands beside them. Its ``name`` is what
        ``retrain --strategy`` takes.

    Raises
    ------
    InputError
        Where the name is that of a built-in strategy or of one from another file, or can't be a name.
        Registering one again from the same file or notebook replaces it.
    """
    comes_from = {name: origin(each.trial) for name, each in _added.items()}
    name = admit("strategy", strategy.name, origin(strategy.trial), (DECISIONS, *BUILT_IN), comes_from)
    _added[name] = strategy


def all_strategies() -> dict[str, Strategy]:
    """By name, in the order in which they are listed, those of extensions last."""
    load_extensions()
    return {**_built_in(), **_added}


def strategy_named(name: str) -> Strategy:
    """The strategy of that name; `InputError` if there is none."""
    found = all_strategies().get(name)
    if found is None:
        raise InputError(f"--strategy {name}: must be one of {', '.join((DECISIONS, *all_strategies()))}")
    return found


def strategies_for(task: TaskName) -> dict[str, Strategy]:
    """Those that serve a task, by name."""
    return {name: each for name, each in all_strategies().items() if each.serves(task)}


def strategy_for(name: str, task: TaskName) -> Strategy:
    """The strategy of that name; `InputError` if there is none, or it does not serve the task."""
    found = strategy_named(name)
    if not found.serves(task):
        serves = "every other task" if found.tasks is None else " and ".join(found.tasks)
        raise InputError(
            f"--strategy {name}: serves {serves}, not {task}; "
            f"for {task} there are {', '.join((DECISIONS, *strategies_for(task)))}"
        )
    return found


def checked_options(
    strategy: Strategy, given: dict[str, str], task: TaskName = "classification"
) -> dict[str, Any]:
    """A strategy's options with the task's defaults filled in; values are of the defaults' types.

    `InputError` for an option that it does not have or a value of another type.
    """
    if unknown := next((name for name in given if name not in strategy.options), None):
        known = ", ".join(strategy.options) or "none"
        raise InputError(f"--set {unknown}=...: strategy {strategy.name} has no such option; it has: {known}")
    found: dict[str, Any] = {name: default for name, (default, _) in strategy.options_for(task).items()}
    for name, text in given.items():
        kind = type(found[name])
        try:
            found[name] = kind(text)
        except ValueError:
            raise InputError(f"--set {name}={text}: must be a number such as {found[name]}") from None
        if isinstance(found[name], float) and not math.isfinite(found[name]):
            raise InputError(f"--set {name}={text}: must be a number such as {strategy.options[name][0]}")
        if name in strategy.choices and found[name] not in strategy.choices[name]:
            raise InputError(f"--set {name}={text}: must be one of {', '.join(strategy.choices[name])}")
    return found
