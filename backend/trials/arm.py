"""What is trained side by side: an arm is one way to choose, weigh or order the training data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from backend.data.targets.space import Space
from backend.files import digest

if TYPE_CHECKING:  # torch, which a list of strategies must not wait for
    from backend.model.recipe import Recipe

_NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Rows:
    """Rows to train on: places in the training split, int64 (n), and the target of each, text in an array of
    objects (n), and places in the eval split, int64 (m), whose targets are their own (a guide that is also
    trained on).
    """

    train: np.ndarray
    targets: np.ndarray
    evaluation: np.ndarray = field(default_factory=lambda: _NONE)

    def __len__(self) -> int:
        return len(self.train) + len(self.evaluation)

    def mark(self, space: Space) -> str:
        """Identifies them: by numbers, as trainings take targets and as outcomes are kept since 2026-11;
        texts to be learnt by themselves."""
        targets = self.targets if space.edit == "text" else space.numbers(self.targets)
        return digest(self.train.tolist(), targets.tolist(), self.evaluation.tolist())


@dataclass(frozen=True)
class Phase:
    """One training: on ``rows``, by ``recipe`` (None: plainly), for ``epochs`` (None: as the original run).

    ``mark`` identifies the recipe and all that it was made from.
    """

    rows: Rows
    recipe: Recipe | None = None
    mark: str = ""
    epochs: float | None = None


@dataclass(frozen=True)
class Arm:
    """``phases`` gives for a seed the trainings that follow each other, each from the model before it."""

    name: str
    description: str
    phases: Callable[[int], list[Phase]]


@dataclass(frozen=True)
class Trial:
    """Arms, the first of which the others are compared with, and the eval rows that measure them.

    ``reference`` and ``control`` name arms: the second is what a method must beat to be worth its while.
    ``controls`` name those of single arms, such as as many rows at random.
    ``measured`` int64: places in the eval split. ``x``: where the arms stand on an axis, for a curve.
    ``notes`` are what a reader of the figures must know.
    """

    name: str
    arms: tuple[Arm, ...]
    measured: np.ndarray
    control: str | None = None
    notes: tuple[str, ...] = ()
    x: dict[str, float] = field(default_factory=dict)
    controls: dict[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The arm that the others are compared with."""
        return self.arms[0].name

    def control_of(self, name: str) -> str | None:
        """The arm that this one must beat; None where there is none, and for a control itself."""
        control = self.controls.get(name, self.control)
        return None if name == control else control


def same_rows(rows: Rows, name: str, description: str) -> Arm:
    """An arm whose one plain training is on the same rows whatever the seed."""
    return Arm(name, description, lambda seed: [Phase(rows)])
