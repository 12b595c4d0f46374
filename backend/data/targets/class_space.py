"""One class out of K."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from backend.data.labels import class_places
from backend.data.messages import listing, shown_value
from backend.data.targets.space import Edit
from backend.errors import InputError
from backend.manifest import TaskName


@dataclass(frozen=True)
class ClassSpace:
    """A target is the name of a class; its number is its place in ``names``."""

    names: tuple[str, ...]
    task: TaskName = "classification"
    edit: Edit = "choose"

    def numbers(self, targets: Iterable[str]) -> np.ndarray:
        """Places: int64 (n)."""
        return class_places(targets, self.names)

    def targets(self, numbers: np.ndarray) -> list[str]:
        """The classes at these places."""
        return [self.names[each] for each in np.asarray(numbers).tolist()]

    def read(self, typed: str) -> str:
        """The class of exactly that name."""
        if typed not in self.names:
            raise InputError(f"label {shown_value(typed)} is no class; the classes are {listing(self.names)}")
        return typed

    def oddity(self, target: str) -> str:
        """Nothing: the names are those of the training rows."""
        return ""

    def strata(self, targets: Sequence[str]) -> np.ndarray:
        """The classes themselves."""
        return self.numbers(targets)

    def labels_of(self, target: str) -> tuple[str, ...]:
        """The class."""
        return (target,)

    def shown(self, target: str) -> str:
        """The target itself."""
        return target
