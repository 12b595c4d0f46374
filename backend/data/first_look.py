"""A first look reads what comes before the first damage."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from contextlib import contextmanager

from backend.errors import InputError


@contextmanager
def stopping_at_damage(found: Sized) -> Iterator[None]:
    """End the block quietly at an `InputError` if something has been ``found`` by then."""
    try:
        yield
    except InputError:
        if not len(found):
            raise
