"""Out-of-fold predictions of numbers: ridge regression on fixed features, in closed form.

The sums of products of each fold are taken once, and added up over the other folds.
"""

from __future__ import annotations

import numpy as np

STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Regularisation that is tried: what is added to the diagonal. Sentence embeddings have unit norm."""


def out_of_fold_numbers(features: np.ndarray, numbers: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """What probes that never saw the row predict: float64 (n).

    From features float32 (n, d), numbers float (n), and the fold in which each row is held out, int (n). The
    regularisation is the one with the least squared error out of fold.
    """
    from threadpoolctl import threadpool_limits

    values = numbers.astype(np.float64)
    with threadpool_limits(1):
        found = _predicted(features, values, folds)
    errors = [float(((each - values) ** 2).sum()) for each in found]
    return found[int(np.argmin(errors))]


def _predicted(features: np.ndarray, numbers: np.ndarray, folds: np.ndarray) -> list[np.ndarray]:
    """The predictions with each of `STRENGTHS`: float64 (n) each."""
    parts = {fold: np.flatnonzero(folds == fold) for fold in np.unique(folds).tolist()}
    sums = {fold: _sums(features[rows], numbers[rows]) for fold, rows in parts.items()}
    found = [np.zeros(len(numbers)) for _ in STRENGTHS]
    for fold, rows in parts.items():
        others = [each for number, each in sums.items() if number != fold]
        count, inputs, outputs, products, crossed = (sum(each) for each in zip(*others, strict=True))
        mean, centre = outputs / count, inputs / count
        gram = products - count * np.outer(centre, centre)
        values, vectors = np.linalg.eigh(gram)
        turned = vectors.T @ (crossed - count * centre * mean)
        seen = (features[rows] - centre) @ vectors
        for place, strength in enumerate(STRENGTHS):
            found[place][rows] = mean + seen @ (turned / (np.maximum(values, 0) + strength))
    return found


def _sums(
    features: np.ndarray, numbers: np.ndarray
) -> tuple[float, np.ndarray, float, np.ndarray, np.ndarray]:
    """Rows; sums of features and of numbers; of products of features; of features times numbers."""
    inputs = features.astype(np.float64)
    return len(inputs), inputs.sum(axis=0), float(numbers.sum()), inputs.T @ inputs, inputs.T @ numbers
