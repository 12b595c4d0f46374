"""Training that does not let large classes drown small ones: by weights of the loss, or by what is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backend.model.recipe import Recipe, TrainingContext
from backend.model.training_settings import TrainingSettings


def balanced(recipe: Recipe | None, settings: TrainingSettings) -> Recipe:
    """``recipe`` with the balance that the settings ask for; as it is where they ask for none."""
    if not (settings.class_weights or settings.balanced_batches):
        return recipe or Recipe()
    return _Balanced(recipe, settings.class_weights, settings.balanced_batches)


def class_weights(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """``n / (K n_c)`` per class, float64 (K): every class weighs the same in all, rows 1 on average.

    K counts the classes that have rows; a class without has weight 0 (King and Zeng 2001, as scikit-learn's
    ``balanced``).
    """
    counts = np.bincount(labels, minlength=n_classes)
    there = counts > 0
    return np.where(there, len(labels) / (there.sum() * np.maximum(counts, 1)), 0.0)


class _Balanced(Recipe):
    """Around another recipe: its weights are multiplied; where it draws rows itself, its order stays."""

    def __init__(self, inner: Recipe | None, weights: bool, batches: bool) -> None:
        self._inner, self._weighs = inner or Recipe(), weights
        self._draws = batches and not self._inner.draws
        self.draws = batches or self._inner.draws
        # Over all rows the weights have mean 1; dividing by a batch's sum of them would bend that.
        self.per_batch = inner.per_batch if inner else False

    def start(self, context: TrainingContext) -> None:
        self._inner.start(context)
        self._labels = context.labels
        self._of_class = torch.from_numpy(class_weights(context.labels, len(context.classes))).float()
        self._generator = np.random.default_rng(context.seed)

    def order(self) -> Iterator[int]:
        if not self._draws:
            yield from self._inner.order()
            return
        places = [np.flatnonzero(self._labels == each) for each in np.unique(self._labels)]
        endless = [self._endless(each) for each in places]
        drawn = 0
        while drawn < len(self._labels):
            for each in self._generator.permutation(len(endless))[: len(self._labels) - drawn].tolist():
                yield next(endless[each])
                drawn += 1

    def weights(self, step: int, places: np.ndarray, inputs: dict[str, Tensor]) -> Tensor | None:
        given = self._inner.weights(step, places, inputs)
        if not self._weighs:
            return given
        own = self._of_class[torch.from_numpy(self._labels[places])]
        return own if given is None else given * own.to(given)

    def log(self) -> dict[str, Any]:
        return self._inner.log()

    def _endless(self, places: np.ndarray) -> Iterator[int]:
        """All rows of a class in a new order each time round."""
        while True:
            yield from self._generator.permutation(places).tolist()
