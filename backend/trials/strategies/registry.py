"""All strategies, in the order in which they are listed."""

from __future__ import annotations

import math
from typing import Any

from backend.errors import InputError
from backend.manifest import TaskName
from backend.trials.strategies import dga, mask, prune, reweight, select
from backend.trials.strategies.strategy import Strategy

DECISIONS = "decisions"
STRATEGIES = {each.STRATEGY.name: each.STRATEGY for each in (mask, dga, select, prune, reweight)}


def strategy_named(name: str) -> Strategy:
    """The strategy of that name; `InputError` if there is none."""
    if name not in STRATEGIES:
        raise InputError(f"--strategy {name}: must be one of {', '.join((DECISIONS, *STRATEGIES))}")
    return STRATEGIES[name]


def strategies_for(task: TaskName) -> dict[str, Strategy]:
    """Those that serve a task, by name."""
    return {name: each for name, each in STRATEGIES.items() if each.serves(task)}


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
