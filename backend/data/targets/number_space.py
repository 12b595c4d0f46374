"""A number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from backend.data.messages import shown_value
from backend.data.targets.space import Edit
from backend.errors import InputError
from backend.manifest import TaskName

STRATA = 5
LARGEST = 1e15
"""Of a number to learn: its square fits the loss."""


def as_target(value: float) -> str:
    """A number as text, the shortest that is read back as it: 5, 3.8."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def number_in(text: str) -> float | None:
    """The number that a text is, as people write them; None where it is none."""
    try:
        return None if "_" in text else float(text)  # Python reads 1_0 as 10
    except ValueError:
        return None


@dataclass(frozen=True)
class NumberSpace:
    """``low``, ``middle``, ``high``: least, median and largest target of the training rows."""

    low: float
    middle: float
    high: float
    task: TaskName = "regression"
    edit: Edit = "number"
    names: tuple[str, ...] = ("value",)

    def numbers(self, targets: Iterable[str]) -> np.ndarray:
        """float32 (n)."""
        return np.array([float(each) for each in targets], dtype=np.float32)

    def targets(self, numbers: np.ndarray) -> list[str]:
        """With the six digits that a float32 is good for."""
        return [as_target(float(f"{each:.6g}")) for each in np.asarray(numbers).reshape(-1).tolist()]

    def read(self, typed: str) -> str:
        """Any finite number."""
        value = number_in(typed)
        if value is None and (number_in(pointed := typed.strip().replace(",", "."))) is not None:
            raise InputError(f"label {shown_value(typed)}: write the number with a point, such as {pointed}")
        if value is None or not abs(value) <= LARGEST:
            raise InputError(
                f"label {shown_value(typed)} is no number to learn; targets are such as 3.5, "
                f"at most {LARGEST:g}"
            )
        return as_target(value)

    def oddity(self, target: str) -> str:
        """That the number is beyond those of the training rows."""
        if self.low <= float(target) <= self.high:
            return ""
        ends = f"{as_target(self.low)} to {as_target(self.high)}"
        return f"{target} is beyond the numbers that the training rows came with, {ends}"

    def strata(self, targets: Sequence[str]) -> np.ndarray:
        """Fifths of the rows by their number; equal numbers stay together."""
        values = np.array([float(each) for each in targets])
        if not len(values):
            return np.zeros(0, dtype=np.int64)
        _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
        middles = (np.cumsum(counts) - counts / 2) / len(values)  # the share of rows below, ties halved
        fifths = np.minimum((STRATA * middles).astype(np.int64), STRATA - 1)
        return np.unique(fifths, return_inverse=True)[1][place].astype(np.int64)

    def labels_of(self, target: str) -> tuple[str, ...]:
        """None."""
        return ()

    def shown(self, target: str) -> str:
        """The target itself."""
        return target
