"""What a set of possible targets knows; every task has one kind of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from backend.manifest import TaskName

Edit = Literal["choose", "choose many", "number", "text"]
Numbers: TypeAlias = Sequence[Any] | np.ndarray
"""Targets as a loss takes them, one entry an example: a place, a row of 0 and 1, or a number."""


class Space(Protocol):
    """All that a target can be."""

    @property
    def task(self) -> TaskName:
        """Of which task they are."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the model's outputs, in its order."""

    @property
    def edit(self) -> Edit:
        """How a person corrects a target."""

    def numbers(self, targets: Iterable[str]) -> np.ndarray:
        """What losses take: (n, ...). `KeyError` or `ValueError` for a text that is no target."""

    def targets(self, numbers: np.ndarray) -> list[str]:
        """The inverse: n texts."""

    def read(self, typed: str) -> str:
        """The target that a person means; `InputError` where it is none."""

    def oddity(self, target: str) -> str:
        """What is unlike all training rows in a target that `read` takes: to be said, not refused; or ""."""

    def strata(self, targets: Sequence[str]) -> np.ndarray:
        """int64 (n): what folds, held-out rows and random controls keep alike."""

    def labels_of(self, target: str) -> tuple[str, ...]:
        """The names that a target holds: one, several, or none where targets are numbers."""

    def shown(self, target: str) -> str:
        """A target as a person reads it; of what is kept as it is read, the target itself."""
