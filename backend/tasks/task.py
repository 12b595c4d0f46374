"""What every task brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np

from backend.data.targets.space import Space
from backend.manifest import TaskName

if TYPE_CHECKING:  # a list of tasks must not wait for torch
    from torch import Tensor


ProblemType = Literal["single_label_classification", "multi_label_classification", "regression", ""]
"""What the configs of heads on a sequence say; "" for a model that writes text."""


View = Literal["bars", "chips", "number", "text"]
"""How outputs are shown."""


@dataclass(frozen=True)
class Judged:
    """What n outputs say of rows: ``predicted`` n targets; ``correct`` bool (n), None where a task knows no
    right or wrong; ``loss`` float64 (n), that of each row's own target, as the task trains it."""

    predicted: list[str]
    correct: np.ndarray | None
    loss: np.ndarray


@dataclass(frozen=True)
class Figure:
    """A figure of a split: ``name`` as in JSON, ``title`` for a person, ``better`` the end that is good."""

    name: str
    title: str
    value: float
    better: Literal["high", "low"] = "high"


FigureNames: TypeAlias = tuple[tuple[str, str, Literal["high", "low"]], ...]
"""Name, title and good end of each figure of a task."""


def headline_of(task: Task) -> tuple[str, str, Literal["high", "low"]]:
    """Name, title and good end of the figure that a trial is judged by."""
    return next(each for each in task.figure_names if each[0] == task.headline)


def named_figures(names: FigureNames, *values: Any) -> list[Figure]:
    """The figures of these values."""
    return [
        Figure(name, title, float(value), better)
        for (name, title, better), value in zip(names, values, strict=True)
    ]


@dataclass(frozen=True)
class Choice:
    """Something that can be asked of a row: ``name`` as `--label` takes it, ``title`` for a person.

    ``number``: as `Task.losses` takes it. ``value``: what the model says of it (a probability, or a value).
    ``helped``, ``harmed``: what training on a row with influence above, and below, 0 did.
    """

    name: str
    title: str
    number: Any
    value: float
    helped: str = "lowered the loss of that label"
    harmed: str = "raised it"


def losses_from(task: Task, logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """`Task.losses` of logits (n, K) in memory: float32 (n)."""
    import torch

    return task.losses(torch.from_numpy(logits), torch.from_numpy(targets)).float().numpy()


class Task(Protocol):
    """One kind of thing that a model learns. ``problem_type``: what transformers' configs call it.

    ``figure_names``: name, title and good end of each of `figures`. ``goes_by``: the figure by which the
    best model of a training is chosen, high where it is good; ``headline``: the one that a trial is judged
    by. ``view``: how outputs are shown.

    K outputs a row. Targets are numbers as `backend.data.targets.space.Space.numbers` makes them, or what
    `choices` gives: a part of a target, or a direction.
    """

    name: TaskName
    problem_type: ProblemType
    view: View
    goes_by: str
    headline: str
    knows_right: bool
    figure_names: FigureNames

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss of each example, differentiable: (B), from logits (B, K) and targets (B, ...)."""

    def head_bias(self, targets: np.ndarray) -> np.ndarray | None:
        """What a new head's bias begins with, so that it need not learn how often each target is: float32
        (K)."""

    def residuals(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The gradient of each loss by its logits, from outputs and in their dtype: (n, K)."""

    def probe(self, outputs: int) -> np.ndarray:
        """Two different targets of a model with so many outputs: (2, ...)."""

    def record(self, logits: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """What scores of the training read of each row, by name, from logits (n, K): (n) each.

        ``loss`` float32, that of the row's own target, is one of them in every task.
        """

    def outputs(self, logits: np.ndarray) -> np.ndarray:
        """What a person reads of logits (n, K): probabilities, or values; float32 (n, K)."""

    def predicted(self, outputs: np.ndarray) -> np.ndarray:
        """What a model says, as numbers of targets: (..., K) to (...)."""

    def judge(self, space: Space, outputs: np.ndarray, targets: list[str]) -> Judged:
        """What outputs (n, K) say of rows with these targets."""

    def losses_of(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """`losses` once more, from outputs (n, K): float64 (n)."""

    def unknown(self, targets: np.ndarray, outputs: int) -> float:
        """The loss of a row that a model knows nothing of: one nat less likely than by guessing.

        ``targets`` (n, ...): as numbers, from which to guess; ``outputs``: K.
        """

    def margins(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """How much outputs (n, K) speak for targets (n, ...), as numbers: float64 (n), high where they do."""

    def support(self, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The same on a scale that a person reads, such as a probability: (n)."""

    def choices(self, space: Space, outputs: np.ndarray) -> list[Choice]:
        """What can be asked of a row with these outputs (K), in model order."""

    def choice(self, space: Space, outputs: np.ndarray, name: str | None) -> Choice:
        """What is asked by ``name``, None: what one asks first. `InputError` for an unknown name."""

    def figures(self, space: Space, outputs: np.ndarray, targets: list[str]) -> list[Figure]:
        """How good outputs (n, K) are for rows with these targets; the first is told first."""

    def doubt(self, space: Space, outputs: np.ndarray, targets: list[str]) -> str | None:
        """Why a model with these outputs has hardly learnt anything; None where nothing says so."""
