"""One clear line for whatever goes wrong inside a library."""

from collections.abc import Callable
from typing import TypeVar

from backend.errors import InputError
from backend.model.quiet import quiet

T = TypeVar("T")


def attempt(load: Callable[[], T], failure: str) -> T:
    """Run ``load``; whatever goes wrong inside transformers is about what the user gave it.

    Raises `InputError`: ``failure`` and, in brackets, the first line of the reason.
    """
    try:
        with quiet():
            return load()
    except MemoryError:
        raise
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(f"{failure} ({reason})") from error
