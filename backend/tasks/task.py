"""What every task brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

if TYPE_CHECKING:  # a list of tasks must not wait for torch
    from torch import Tensor


ProblemType = Literal["single_label_classification", "multi_label_classification", "regression"]


class Task(Protocol):
    """One kind of thing that a model learns. ``problem_type``: what transformers' configs call it."""

    name: str
    problem_type: ProblemType

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss of each example, differentiable: (B), from logits (B, K) and targets (B)."""

    def predicted(self, outputs: np.ndarray) -> np.ndarray:
        """What a model says, as numbers of targets: int64 (...), from outputs (..., K)."""
