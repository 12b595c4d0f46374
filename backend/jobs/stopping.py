"""A command that is asked to stop: it ends as with Ctrl-C, and says what becomes of its work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_TRAIN = ("demo", "build", "train")
_GO_ON = (
    *("demo", "build", "all", "precompute", "dynamics", "prepare", "influence"),
    *("scores", "evaluate", "retrain"),
)


def what_is_kept(args: Sequence[str]) -> str:
    """What becomes of the work of a command that was stopped, from its arguments."""
    command = args[0] if args else ""
    on = ", and the same command goes on from there" if command in _GO_ON else ""
    anew = "; a fine-tuning that was cut off begins anew" if command in _TRAIN else ""
    return f"what was finished is kept{on}{anew}"


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """A request to terminate is as good as Ctrl-C: what is half-written is swept away."""
    if threading.current_thread() is not threading.main_thread():  # only there signals can be handled
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
