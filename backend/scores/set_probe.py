"""Out-of-fold probabilities of labels: one logistic regression per label, on fixed features.

The objective of sklearn's `LogisticRegression` for each label, ``C * sum of losses + |w|^2 / 2`` (the
intercept is free), minimised for all labels at once: one product of matrices a step.
"""

from __future__ import annotations

import numpy as np

STRENGTHS = (0.3, 1.0, 3.0, 10.0)
"""Inverse regularisation (C) that is tried. Sentence embeddings have unit norm."""
_SAMPLE = 10_000  # rows that a probe is fitted to, at most
_HELD_OUT = 0.2
_ITERATIONS = 200
_LEAST = 1e-6


class SetProbe:
    """Probabilities of labels from features."""

    def __init__(self, features: np.ndarray, sets: np.ndarray, *, C: float) -> None:
        """Fit to ``features`` float (n, e) and ``sets`` (n, K) of 0 and 1.

        A label that no row has, or all have, keeps its share with one row more of each kind.
        """
        from scipy.optimize import minimize
        from threadpoolctl import threadpool_limits

        self._share = (sets.sum(axis=0) + 0.5) / (len(sets) + 1.0)
        self._varying = np.flatnonzero((sets.sum(axis=0) > 0) & (sets.sum(axis=0) < len(sets)))
        inputs = np.hstack([features.astype(np.float64), np.ones((len(features), 1))])
        given = sets[:, self._varying].astype(np.float64)
        shape = (inputs.shape[1], len(self._varying))
        start = np.zeros(shape)
        start[-1] = _logit(self._share[self._varying])

        def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
            weights = flat.reshape(shape)
            scores = inputs @ weights
            slopes = C * (inputs.T @ (_expit(scores) - given))
            slopes[:-1] += weights[:-1]
            total = C * float((np.logaddexp(0, scores) - given * scores).sum())
            return total + 0.5 * float((weights[:-1] ** 2).sum()), slopes.ravel()

        with threadpool_limits(1):  # beside other work, waiting BLAS threads are slower
            options = {"maxiter": _ITERATIONS, "ftol": 1e-9, "gtol": 1e-3}
            found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options=options)
        self._weights = found.x.reshape(shape)

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Of each label: float64 (m, K)."""
        found = np.tile(self._share, (len(features), 1))
        found[:, self._varying] = _expit(features @ self._weights[:-1] + self._weights[-1])
        return np.clip(found, _LEAST, 1 - _LEAST)


def out_of_fold_sets(
    features: np.ndarray, sets: np.ndarray, groups: np.ndarray, folds: np.ndarray, seed: int
) -> np.ndarray:
    """Probabilities of labels by probes that never saw the row: float64 (n, K).

    From features float32 (n, e), sets float (n, K), groups of equal texts int64 (n), and the fold in which
    each row is held out, int (n). The regularisation is chosen once, by the loss on a fifth of the groups.
    """
    found = np.zeros(sets.shape)
    generator = np.random.default_rng(seed)
    sample = np.sort(generator.permutation(len(sets))[:_SAMPLE])
    strength = _chosen(features[sample], sets[sample], groups[sample], seed)
    for fold in np.unique(folds):
        rows = np.flatnonzero(folds != fold)
        rows = np.sort(generator.permutation(rows)[:_SAMPLE])
        held = np.flatnonzero(folds == fold)
        found[held] = SetProbe(features[rows], sets[rows], C=strength).probabilities(features[held])
    return found


def _chosen(features: np.ndarray, sets: np.ndarray, groups: np.ndarray, seed: int) -> float:
    held = (np.random.default_rng(seed).random(int(groups.max()) + 1) < _HELD_OUT)[groups]
    if held.all() or not held.any():
        return 1.0

    def loss(strength: float) -> float:
        found = SetProbe(features[~held], sets[~held], C=strength).probabilities(features[held])
        return float(-np.log(np.where(sets[held] > 0, found, 1 - found)).sum())

    return min(STRENGTHS, key=loss)


def _expit(values: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return expit(values)


def _logit(shares: np.ndarray) -> np.ndarray:
    return np.log(shares) - np.log1p(-shares)
