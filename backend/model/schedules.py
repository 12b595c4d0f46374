"""Learning rate schedules of transformers: their curves, and the one that known rates lie on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from backend.data.messages import shown_value
from backend.errors import InputError
from backend.model.schedule_shapes import factors

SCHEDULES = (
    "linear",
    "cosine",
    "constant",
    "constant_with_warmup",
    "cosine_with_restarts",
    "polynomial",
    "inverse_sqrt",
)


@dataclass(frozen=True)
class Schedule:
    """A schedule of transformers: ``peak`` is the highest rate, ``warmup`` and ``total`` are steps.

    ``option``: what the name alone does not say (`schedule_shapes`); None for the usual.
    """

    name: str
    peak: float
    warmup: int = 0
    total: int = 1
    option: float | None = None

    def __call__(self, steps: np.ndarray) -> np.ndarray:
        """The rates of the updates with these numbers, from 1 on."""
        done = np.maximum(np.floor(np.asarray(steps, dtype=float)) - 1, 0.0)
        return self.peak * factors(self.name, done, self.warmup, self.total, self.option, self.peak)


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
