"""How long work tells its listeners how far it is, without knowing who listens."""

import time
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """A listener: the command line draws a bar, a job writes a record, a test ignores it."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note that ``done`` of ``total`` units of ``stage`` are finished."""


def silent(stage: str, done: int, total: int) -> None:
    """The listener that ignores everything."""


class Pace:
    """How fast the current stage goes: a listener that only keeps count."""

    SETTLED = 3.0  # seconds: what comes first also loads and compiles, and says nothing of the rest

    def __init__(self) -> None:
        self._stage, self._start, self._first, self._done, self._total = "", 0.0, 0, 0, 0
        self._steps = 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note of where the work is."""
        if stage != self._stage or done < self._first:
            self._stage, self._start, self._first = stage, time.monotonic(), done
            self._steps = -1
        self._steps += 1
        self._done, self._total = done, total

    @property
    def rate(self) -> float | None:
        """Units a second since the stage began; None as long as it cannot be told."""
        passed = time.monotonic() - self._start
        gained = self._done - self._first
        return gained / passed if self._stage and gained > 0 and passed > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """How long the stage will still take at this rate; None as long as that would be a guess."""
        rate = self.rate
        settled = self._steps > 1 and time.monotonic() - self._start >= self.SETTLED
        return (self._total - self._done) / rate if rate and settled else None


def remaining(seconds: float) -> str:
    """A time span for a person: 40 s, 3 min, 1 h 20 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def track(items: Iterable[T], stage: str, total: int, progress: Progress, size: int = 1) -> Iterator[T]:
    """Yield ``items`` and report after each that ``size`` more units of ``stage`` are done."""
    progress(stage, 0, total)
    for count, item in enumerate(items, start=1):
        yield item
        progress(stage, min(count * size, total), total)


def epochs_words(epochs: float) -> str:
    """1 epoch, 2.5 epochs."""
    return f"{epochs:g} epoch{'s' * (epochs != 1)}"
