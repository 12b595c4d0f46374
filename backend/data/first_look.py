"""A first look reads what comes before the first damage."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass

from backend.errors import InputError


@dataclass
class Look:
    """``damaged``: what was read so far is followed by something that cannot be read."""

    damaged: bool = False


@contextmanager
def stopping_at_damage(found: Sized) -> Iterator[Look]:
    """End the block quietly at an `InputError` if something has been ``found`` by then; the look tells."""
    look = Look()
    try:
        yield look
    except InputError:
        if not len(found):
            raise
        look.damaged = True
