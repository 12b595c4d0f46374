"""Schedules of torch that multiply the rate after fixed numbers of updates: StepLR and MultiStepLR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from backend.model.rates import is_rate

_MOST = 100_000  # milestones


@dataclass(frozen=True)
class Drops:
    """The rate is multiplied by ``gamma`` after ``every`` so many updates, or after each of ``milestones``.

    ``made``: how many times the scheduler had moved on when it was saved.
    """

    gamma: float
    made: int
    every: int | None = None
    milestones: tuple[int, ...] = ()

    def factors(self, steps: np.ndarray) -> np.ndarray:
        """By how much the first rate was multiplied at the updates with these numbers, from 1 on."""
        done = np.maximum(np.floor(steps) - 1, 0.0)
        if self.every is not None:
            return self.gamma ** (done // self.every)
        return self.gamma ** np.searchsorted(np.array(self.milestones), done, side="right")


def read_drops(scheduler: Mapping[str, Any]) -> Drops | None:
    """From what a scheduler saved; None if it is of another kind, or the values are none that it can have."""
    gamma, made, every = (scheduler.get(name) for name in ("gamma", "last_epoch", "step_size"))
    if not is_rate(gamma) or not _is_count(made):
        return None
    if _is_count(every) and every > 0:
        return Drops(float(gamma), made, every)
    milestones = scheduler.get("milestones")  # by step how many there are
    if not isinstance(milestones, Mapping) or not 0 < len(milestones) <= _MOST:
        return None
    if not all(_is_count(step) and _is_count(times) for step, times in milestones.items()):
        return None
    if sum(milestones.values()) > _MOST:
        return None
    repeated = (step for step, times in sorted(milestones.items()) for _ in range(times))
    return Drops(float(gamma), made, None, tuple(repeated))


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and 0 <= value < 2**53
