"""What a person gives for a target in Python: a text, a number, or a list of labels."""

from __future__ import annotations

from numbers import Integral, Real

from backend.data.targets.label_sets import NONE, SEPARATOR
from backend.errors import InputError

Typed = str | float | list[str] | tuple[str, ...] | set[str] | frozenset[str]


def as_typed(given: object) -> str:
    """The text that means the same; "" for None. `InputError` for what can be no target."""
    if given is None or isinstance(given, str):
        return given or ""
    if isinstance(given, Integral) and not isinstance(given, bool):
        return str(int(given))
    if isinstance(given, Real) and not isinstance(given, bool):
        return repr(float(given))
    if isinstance(given, list | tuple | set | frozenset) and all(isinstance(each, str) for each in given):
        return SEPARATOR.join(given) or NONE
    raise InputError(f"{given!r} is no label: give a text, a number or a list of labels")
