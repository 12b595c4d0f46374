"""How long work tells its listeners how far it is, without knowing who listens."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """A listener: the command line draws a bar, a job writes a record, a test ignores it."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note that ``done`` of ``total`` units of ``stage`` are finished."""


def silent(stage: str, done: int, total: int) -> None:
    """The listener that ignores everything."""


def track(items: Iterable[T], stage: str, total: int, progress: Progress, size: int = 1) -> Iterator[T]:
    """Yield ``items`` and report after each that ``size`` more units of ``stage`` are done."""
    progress(stage, 0, total)
    for count, item in enumerate(items, start=1):
        yield item
        progress(stage, min(count * size, total), total)
