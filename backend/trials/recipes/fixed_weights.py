"""Training rows of fixed weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backend.errors import InputError
from backend.model.recipe import Recipe, TrainingContext


class FixedWeights(Recipe):
    """Every text has a weight of its own, the same in all steps; only their ratios matter.

    They are scaled to a mean of 1 over all examples, not within a batch: there a weight would count for less
    the smaller the batch, and in one of a single row for nothing.
    """

    per_batch = False

    def __init__(self, weights: Sequence[float] | np.ndarray) -> None:
        """One weight per training text, none negative, not all 0."""
        self._weights = np.asarray(weights, dtype=np.float32)
        if not np.isfinite(self._weights).all() or (self._weights < 0).any() or not self._weights.any():
            raise InputError("weights must be numbers of at least 0, and not all 0")

    def start(self, context: TrainingContext) -> None:
        """Look the weights of the examples up."""
        own = self._weights[context.rows]
        self._of_example = torch.from_numpy(own / (own.mean() or 1.0))

    def weights(self, step: int, places: np.ndarray, inputs: dict[str, Tensor]) -> Tensor | None:
        """Those of the batch."""
        return self._of_example[torch.from_numpy(places)].to(inputs["labels"].device)

    def log(self) -> dict[str, Any]:
        """How the weights are spread."""
        shares = (0, 10, 50, 90, 100)
        return {"percentiles": {str(each): float(np.percentile(self._weights, each)) for each in shares}}
