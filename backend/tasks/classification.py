"""One class out of K."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backend.tasks.task import ProblemType

if TYPE_CHECKING:
    from torch import Tensor


class Classification:
    """Targets are places in the list of classes: int64."""

    name = "classification"
    problem_type: ProblemType = "single_label_classification"

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy of each example's class."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits, targets, reduction="none")

    def predicted(self, outputs: np.ndarray) -> np.ndarray:
        """The class of the largest output, the first of equals."""
        return outputs.argmax(axis=-1)


TASK = Classification()
