"""One clear line for whatever goes wrong inside a library."""

from collections.abc import Callable
from typing import TypeVar

from backend.errors import InputError
from backend.model.quiet import quiet

T = TypeVar("T")


def attempt(load: Callable[[], T], failure: str) -> T:
    """Run ``load``; whatever goes wrong inside transformers is about what the user gave it.

    Raises `InputError`: ``failure`` and, in brackets, the first line of the reason that says something.
    """
    try:
        with quiet():
            return load()
    except MemoryError:
        raise
    except Exception as error:
        lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
        reason = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
        raise InputError(f"{failure} ({reason})") from error
