"""One look at the disk: while it lasts, what was asked once is not asked again.

A rerun of a page is one look: its parts then speak of one state of the workspace, however often they ask.
Whoever writes ends what has been seen so far. Nothing outlives the look; without one, every question is
asked anew, as jobs and the command line need.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

_seen: ContextVar[dict[Hashable, object] | None] = ContextVar("seen", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    """Ask once what is asked within; one inside another is part of it."""
    if _seen.get() is not None:
        yield
        return
    token = _seen.set({})
    try:
        yield
    finally:
        _seen.reset(token)


def once(question: Hashable, ask: Callable[[], T]) -> T:
    """The answer to ``question``, of this look if there is one."""
    seen = _seen.get()
    if seen is None:
        return ask()
    if question not in seen:
        seen[question] = ask()
    return seen[question]  # type: ignore[return-value]


def look_again() -> None:
    """Something has been written: ask anew from here on."""
    seen = _seen.get()
    if seen is not None:
        seen.clear()
