"""Alignment with a clean set: would a step on this row lower the clean set's loss?

At every checkpoint c, ``v_c`` is the gradient of the clean set's mean loss over all weights that were
trained, and ``a_i = <grad l_i, v_c>``: one step of size eta on row i lowers that loss by ``eta * a_i`` (to
first order). Its sign is what gradient-guided loss masking masks by (arXiv 2102.13549), its mean over a
group what dynamic gradient alignment weighs sources by (arXiv 2410.02498), its sum over checkpoints TracIn
(Pruthi et al. 2020) over all weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedModel

from backend.influence.gradients.capture import Batch
from backend.influence.gradients.directional import Derivative, directional_derivatives, suitable_derivative
from backend.influence.gradients.norms import Coverage, coverage, squared_norms
from backend.influence.gradients.parameters import (
    Vector,
    mean_gradient,
    product,
    restricted,
    trained_parameters,
)
from backend.influence.gradients.tracing import Checkpoints
from backend.scores.clean_set import clean_set
from backend.scores.context import Context
from backend.scores.passes import text_batches, training_batches


@dataclass(frozen=True)
class Alignment:
    """All arrays float64, NaN for a row without tokens.

    ``products`` (C, n): a_i. For the cosine, over the parameters whose norms are known per row (all but
    ``left_out``): ``covered`` (C, n), the same product; ``squares`` (C, n), |grad l_i|^2; and
    ``target_squares`` (C), |v_c|^2.
    """

    products: np.ndarray
    covered: np.ndarray
    squares: np.ndarray
    target_squares: np.ndarray
    left_out: tuple[str, ...]

    def total(self, weights: np.ndarray) -> np.ndarray:
        """``sum_c eta_c a_i``: (n), from the checkpoints' ``weights`` (C)."""
        return weights @ self.products

    def cosine(self, weights: np.ndarray) -> np.ndarray:
        """Cosine of the gradients of all checkpoints side by side, each times sqrt(eta_c): (n)."""
        norms = np.sqrt((weights @ self.squares) * (weights @ self.target_squares))
        found = np.divide(weights @ self.covered, norms, out=np.zeros(len(norms)), where=norms > 0)
        return np.where(np.isnan(norms), np.nan, found)

    def against(self) -> np.ndarray:
        """At how many checkpoints a row pulls against the clean set: (n), 0 for a row without tokens."""
        return (self.products < 0).sum(axis=0)


def measure_alignment(context: Context) -> Alignment:
    """Go over the training rows at every checkpoint; `InputError` where the clean set is too small."""
    checkpoints = context.explainer.checkpoints
    trained = trained_parameters(checkpoints.models)
    with checkpoints.using():
        known = coverage(checkpoints.models[0], trained)
    shape = (len(checkpoints.models), len(context.train))
    products, covered, squares = (np.full(shape, np.nan) for _ in range(3))
    target_squares = np.zeros(len(checkpoints.models))
    for number, (model, direction) in enumerate(clean_gradients(context)):
        inner = restricted(direction, known.names)
        target_squares[number] = product(inner, inner)
        measure = _Measure(checkpoints, model, direction, inner, known)
        for batch in training_batches(context, _stage(number, checkpoints)):
            row = batch.positions
            products[number, row], covered[number, row], squares[number, row] = measure(batch)
    return Alignment(products, covered, squares, target_squares, known.left_out)


def measure_products(context: Context) -> np.ndarray:
    """``a_i`` alone, without norms: float64 (C, n), NaN for a row without tokens."""
    checkpoints = context.explainer.checkpoints
    products = np.full((len(checkpoints.models), len(context.train)), np.nan)
    for number, (model, direction) in enumerate(clean_gradients(context)):
        derivative: Derivative | None = None
        for batch in training_batches(context, _stage(number, checkpoints)):
            with checkpoints.using():
                derivative = derivative or suitable_derivative(model, batch, direction)
                found = directional_derivatives(model, [batch], direction, derivative)
            products[number, batch.positions] = found
    return products


def _stage(number: int, checkpoints: Checkpoints) -> str:
    return f"alignment, checkpoint {number + 1} of {len(checkpoints.models)}"


def clean_gradients(context: Context) -> Iterator[tuple[PreTrainedModel, Vector]]:
    """Every checkpoint's model with ``v_c``; one vector of the model's size at a time."""
    checkpoints = context.explainer.checkpoints
    trained = trained_parameters(checkpoints.models)
    clean = clean_set(context)
    batches = text_batches(context, clean.examples)
    for model in checkpoints.models:
        with checkpoints.using():
            direction = mean_gradient(model, batches, trained)
        yield model, direction


class _Measure:
    """Products and norms of a batch at one checkpoint."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        model: PreTrainedModel,
        direction: Vector,
        inner: Vector,
        known: Coverage,
    ) -> None:
        self._checkpoints, self._model, self._known = checkpoints, model, known
        self._direction, self._inner = direction, inner
        self._derivative: Derivative | None = None

    def __call__(self, batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        with self._checkpoints.using():
            if self._derivative is None:
                self._derivative = suitable_derivative(self._model, batch, self._direction)
            products = self._along(batch, self._direction)
            covered = self._along(batch, self._inner) if self._known.left_out else products
            squares = squared_norms(self._model, batch, self._known.names).cpu().numpy()
        return products, covered, squares

    def _along(self, batch: Batch, direction: Vector) -> np.ndarray:
        return directional_derivatives(self._model, [batch], direction, self._derivative)
