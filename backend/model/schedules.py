"""Learning rate schedules of transformers: their curves, and the one that known rates lie on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_scheduler

from backend.data.messages import shown_value
from backend.errors import InputError

SCHEDULES = (
    "linear",
    "cosine",
    "constant",
    "constant_with_warmup",
    "cosine_with_restarts",
    "polynomial",
    "inverse_sqrt",
)
_RECOGNISED = ("linear", "cosine", "inverse_sqrt", "constant_with_warmup")
_SAME = 1e-6  # of the highest rate
_MOST_WARMUPS = 1000  # steps between two logged rates: a second for all


@dataclass(frozen=True)
class Schedule:
    """A schedule of transformers: ``peak`` is the highest rate, ``warmup`` and ``total`` are steps."""

    name: str
    peak: float
    warmup: int = 0
    total: int = 1

    def __call__(self, steps: np.ndarray) -> np.ndarray:
        """The rates of the updates with these numbers, from 1 on."""
        factor = self._factor()
        return self.peak * np.array([factor(max(int(step) - 1, 0)) for step in steps], dtype=float)

    def _factor(self) -> Callable[[int], float]:
        """`get_scheduler`'s own, which says by how much the peak is multiplied after so many updates."""
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=self.peak)
        scheduler = get_scheduler(self.name, optimizer, self.warmup, self.total)
        if not isinstance(scheduler, LambdaLR):
            raise TypeError(f"{self.name} is no function of the step")
        return scheduler.lr_lambdas[0]


@dataclass(frozen=True)
class GivenSchedule:
    """What a user says of a run whose rates are not known: see `schedule`."""

    peak: float
    name: str = "linear"
    warmup: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.peak) and 0 < self.peak <= 10):
            raise InputError(f"--learning-rate {self.peak:g}: must be above 0 and at most 10")
        if self.name not in SCHEDULES:
            raise InputError(f"--schedule {shown_value(self.name)}: must be one of {', '.join(SCHEDULES)}")
        if self.warmup < 0:
            raise InputError(f"--warmup-steps {self.warmup}: must be at least 0")

    def schedule(self, total: int) -> Schedule:
        """The schedule of a run of ``total`` planned steps."""
        if self.warmup >= max(total, 1):
            raise InputError(f"--warmup-steps {self.warmup}: this run planned only {total:,} steps")
        return Schedule(self.name, self.peak, self.warmup, total)


def given_schedule(peak: float | None, name: str | None, warmup: int | None) -> GivenSchedule | None:
    """From options; None without any. `InputError` for wrong ones."""
    if peak is None:
        for option, value in (("--schedule", name), ("--warmup-steps", warmup)):
            if value is not None:
                raise InputError(f"{option}: give the highest rate with it, --learning-rate")
        return None
    return GivenSchedule(peak, name or "linear", warmup or 0)


def recognised(peak: float | None, knots: Sequence[tuple[int, float]], total: int) -> Schedule | None:
    """The one schedule with these planned steps on which all known (step, rate) lie; else None.

    ``peak`` is None if it isn't known. Of several schedules none is proven; nor is a warm-up by a single rate
    between 0 and the peak, nor peak and warm-up by fewer than three.
    """
    if not knots or total < 1 or (peak is not None and peak <= 0):
        return None
    found = _of_any_peak(knots, total) if peak is None else _of_peak(peak, knots, total)
    return found[0] if len(found) == 1 else None


def _of_peak(peak: float, knots: Sequence[tuple[int, float]], total: int) -> list[Schedule]:
    plain = [Schedule(name, peak, 0, total) for name in _RECOGNISED]
    between = [(step, rate) for step, rate in knots if _SAME * peak < rate < peak * (1 - _SAME)]
    found = [each for each in plain if _passes(each, knots)]
    if found or len(between) < 2:
        return found
    warm = {
        (name, steps)
        for name in _RECOGNISED
        for each in between
        for steps in _warmups(name, peak, each, total)
    }
    candidates = [Schedule(name, peak, steps, total) for name, steps in sorted(warm) if 0 < steps < total]
    return [each for each in candidates if _passes(each, knots)]


def _of_any_peak(knots: Sequence[tuple[int, float]], total: int) -> list[Schedule]:
    """Each length of a warm-up that ends next to the highest rate is tried, until two fit."""
    rates = [rate for _, rate in knots]
    top = rates.index(max(rates))
    first = knots[top - 1][0] - 1 if top else 0
    last = min(knots[min(top + 1, len(knots) - 1)][0], total) - 1
    if len(knots) < 3 or rates[top] <= 0 or last - first > _MOST_WARMUPS:
        return []
    found: list[Schedule] = []
    for name, warmup in product(_RECOGNISED, range(first, last + 1)):
        share = Schedule(name, 1.0, warmup, total)(np.array([knots[top][0]]))[0]
        candidate = Schedule(name, float(rates[top] / max(share, _SAME)), warmup, total)
        if _passes(candidate, knots):
            found.append(candidate)
        if len(found) > 1:
            break
    return found


def _passes(schedule: Schedule, knots: Sequence[tuple[int, float]]) -> bool:
    rates = schedule(np.array([step for step, _ in knots]))
    return bool(np.allclose(rates, [rate for _, rate in knots], rtol=_SAME, atol=_SAME * schedule.peak))


def _warmups(name: str, peak: float, knot: tuple[int, float], total: int) -> set[int]:
    """The lengths of a warm-up that lead to a known rate, during it by its slope, after it by bisection.

    After the warm-up, the longer it was, the higher the rate.
    """
    (step, rate), low, high = knot, 0, min(knot[0] - 1, total - 1)
    while low < high:
        middle = (low + high) // 2
        if Schedule(name, peak, middle, total)(np.array([step]))[0] < rate - _SAME * peak:
            low = middle + 1
        else:
            high = middle
    return {low, round((step - 1) * peak / rate)}
