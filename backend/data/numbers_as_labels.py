"""Labels that look like numbers to be predicted, where classes were asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping

from backend.data.choices import NOT_WHOLE, OTHER_TASKS

NUMBERS = "numbers"
"""The kind of the remark about such labels."""
_FEW = 20  # different numbers that may still be classes: grades, marks, ages in steps


def looks_like_numbers(counts: Mapping[str, int]) -> str | None:
    """What to say of labels (``counts``: rows of each) that are all numbers and hardly classes, else None.

    That is: more than 20 different ones, and not all whole or more than one for every two rows.
    """
    different = {label for label, n in counts.items() if n}
    if len(different) <= _FEW or not all(map(_is_number, different)):
        return None
    rows = sum(counts.values())
    if all(float(label).is_integer() for label in different) and len(different) <= rows / 2:
        return None
    return (
        f"{len(different):,} different numbers in {rows:,} rows look like numbers to be predicted, not "
        f"classes; {OTHER_TASKS[NOT_WHOLE]}"
    )


def some_not_whole(counts: Mapping[str, int]) -> str | None:
    """A number among the labels that is not whole, where all are numbers and few; None else."""
    different = sorted(label for label, n in counts.items() if n)
    if not different or len(different) > _FEW or not all(map(_is_number, different)):
        return None
    return next((label for label in different if not float(label).is_integer()), None)


def _is_number(label: str) -> bool:
    try:
        return math.isfinite(float(label)) and label.strip()[-1:].isdecimal()
    except ValueError:
        return False
