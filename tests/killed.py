"""A process that ends at a chosen moment: from that step on, nothing reaches the file system."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STEPS = ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync", "open", "chmod", "link", "symlink")


class Killed(BaseException):
    """The process is gone; no handler of errors runs to any effect."""


@contextmanager
def ended_before(step: int) -> Iterator[list[int]]:
    """Raise `Killed` at the ``step``-th call that changes or opens something, and at every later one."""
    originals: dict[str, Callable] = {name: getattr(os, name) for name in STEPS}
    calls = [0]

    def counted(original: Callable) -> Callable:
        def call(*arguments, **options):
            calls[0] += 1
            if calls[0] > step:
                raise Killed
            return original(*arguments, **options)

        return call

    for name, original in originals.items():
        setattr(os, name, counted(original))
    try:
        yield calls
    finally:
        for name, original in originals.items():
            setattr(os, name, original)


def every_end(work: Callable[[], object], check: Callable[[bool], None], prepare: Callable[[], None]) -> int:
    """Run ``work`` again and again, ended one step later each time, until it ends by itself.

    ``prepare`` comes before each run, ``check`` (told whether the run was whole) after; returns the number of
    steps.
    """
    for step in range(10_000):
        prepare()
        whole = True
        with ended_before(step):
            try:
                work()
            except Killed:
                whole = False
        check(whole)
        if whole:
            return step
    raise AssertionError("it never ends")
