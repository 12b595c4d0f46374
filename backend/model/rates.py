"""The learning rate of every update, from the few that are known."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeGuard

import numpy as np

Curve = Callable[[np.ndarray], np.ndarray]
"""From steps (ascending) to the rates of the updates with these numbers."""
Knots = Sequence[tuple[int, float]]
"""Known rates as (step, rate), steps strictly ascending."""

_HIGHEST = 1e3
_POINTS = 100_000  # an interval of more steps is averaged over this many, evenly spread


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value of somebody's file is a number that a float can hold."""
    return isinstance(value, int | float) and abs(value) < 1e300


def is_rate(value: Any) -> TypeGuard[float]:
    """Whether it can be a learning rate: a number from 0 to 1,000."""
    return is_number(value) and 0 <= value <= _HIGHEST


def mean_rate(curve: Curve, after: int, upto: int) -> float:
    """Mean rate of the updates in steps (after, upto]."""
    first = min(after + 1, upto)
    return float(curve(np.linspace(first, upto, min(upto - first + 1, _POINTS))).mean())


def interpolated(knots: Knots, planned: int | None = None) -> Curve:
    """Straight lines between known rates.

    The line through the first two goes on before the first, not below 0. After the last, a falling rate
    goes on falling, but not below the straight line that ends with the ``planned`` steps.
    """
    steps, rates = _columns(knots)

    def curve(points: np.ndarray) -> np.ndarray:
        values = np.interp(points, steps, rates)
        if len(steps) == 1:
            return values
        slopes = np.diff(rates) / np.diff(steps)
        early = np.maximum(rates[0] + slopes[0] * (points - steps[0]), 0.0)
        late = np.maximum(rates[-1] + min(slopes[-1], 0.0) * (points - steps[-1]), least(points))
        return np.where(points < steps[0], early, np.where(points > steps[-1], late, values))

    def least(points: np.ndarray) -> np.ndarray:
        """A line from the last known rate to 0 after the planned steps; 0 if none are known."""
        if planned is None or planned <= steps[-1]:
            return np.zeros_like(points)
        return rates[-1] * np.clip((planned + 1 - points) / (planned + 1 - steps[-1]), 0.0, 1.0)

    return curve


def held(knots: Knots, evaluations: Sequence[int], factor: float | None = None) -> Curve:
    """Rates that change in steps: each holds until the run was evaluated, then the next one does.

    A schedule that waits for an evaluation (ReduceLROnPlateau) acts right after it: from the update after
    the ``evaluations``' step on. Without an evaluation between two rates, the later holds at once. Where they
    are several ``factor`` apart (if None, the least of all changes), each was made after an evaluation of its
    own; of more evaluations than that, the last ones.
    """
    changes = [b / a for (_, a), (_, b) in pairwise(knots) if a > 0 < b != a]
    by = (
        factor
        if factor and 0 < factor != 1
        else min(changes, key=lambda each: abs(math.log(each)), default=0.5)
    )
    begins, rates = [], [knots[0][1]]
    for (step, rate), (following, later) in pairwise(knots):
        between = evaluations[bisect_left(evaluations, step) : bisect_left(evaluations, following)] or [step]
        times = round(abs(math.log(later / rate) / math.log(by))) if rate > 0 < later else 1
        for number, at in enumerate(between[-max(times, 1) :], 1):
            begins.append(at + 1)
            rates.append(rate * (later / rate) ** (number / max(times, 1)) if rate else later)
        rates[-1] = later
    values = np.array(rates)

    def curve(points: np.ndarray) -> np.ndarray:
        return values[np.searchsorted(np.array(begins), np.floor(points), side="right")]

    return curve


def changes_in_steps(knots: Knots) -> bool:
    """Whether logged rates stand still and then drop, as those of a step-wise schedule do, not along a line.

    Several drops are steps if they are by one factor or the rate stands still again after each. A single one
    is if the rate stands still afterwards: without that it may be the corner of a line.
    """
    rates = [rate for _, rate in knots]
    drops = [index for index in range(1, len(rates)) if rates[index] != rates[index - 1]]
    if not drops or drops[0] < 2 or any(rates[index] > rates[index - 1] for index in drops):
        return False
    factors = [rates[index] / rates[index - 1] for index in drops]
    if len(drops) == 1:
        return drops[0] + 1 < len(rates)
    if all(math.isclose(factor, factors[0], rel_tol=1e-6) for factor in factors):
        return True
    return all(after - before > 1 for before, after in pairwise(drops))


def restarts(knots: Knots) -> list[tuple[int, int]]:
    """Steps of the last rate before and the first after, where a falling rate jumps up and falls on."""
    rates = [rate for _, rate in knots]
    return [
        (knots[index][0], knots[index + 1][0])
        for index in range(1, len(rates) - 2)
        if rates[index - 1] > rates[index] < rates[index + 1] > rates[index + 2]
    ]


def joined(parts: Sequence[tuple[float, Curve]], last: Curve) -> Curve:
    """One curve up to each step, the next after it: ``parts`` by step, then ``last``."""

    def curve(points: np.ndarray) -> np.ndarray:
        values = last(points)
        for upto, part in reversed(parts):
            values = np.where(points <= upto, part(points), values)
        return values

    return curve


def _columns(knots: Knots) -> tuple[np.ndarray, np.ndarray]:
    steps, rates = zip(*knots, strict=True)
    return np.array(steps, dtype=float), np.array(rates, dtype=float)
