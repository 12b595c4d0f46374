"""A logistic regression on fixed features: the cheap classifier behind cross-fitted scores."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

STRENGTHS = (0.1, 1.0, 10.0, 100.0)
"""Inverse regularisation (C) that is tried. Sentence embeddings of unit norm want a large one."""
_SAMPLE = 10_000  # rows on which it is chosen
_HELD_OUT = 0.2
_ITERATIONS = 300
_LEAST = 1e-6


class Probe:
    """Probabilities of classes from features."""

    def __init__(
        self, features: np.ndarray, labels: np.ndarray, classes: int, *, C: float, balanced: bool = False
    ) -> None:
        """Fit to ``features`` float32 (n, e) and ``labels`` int64 (n) below ``classes``.

        ``balanced``: every class counts the same in sum. One class alone is no error: it is always the
        answer.
        """
        self._classes, self._seen = classes, np.unique(labels)
        self._model = None
        if len(self._seen) > 1:
            model = LogisticRegression(
                C=C, class_weight="balanced" if balanced else None, max_iter=_ITERATIONS
            )
            # Small products: beside other work, waiting BLAS threads made a fit 50 times slower.
            with warnings.catch_warnings(), threadpool_limits(1):
                warnings.simplefilter("ignore", ConvergenceWarning)
                self._model = model.fit(features, labels)

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities float32 (m, K); zero for classes that it was not fitted to."""
        found = np.zeros((len(features), self._classes), dtype=np.float32)
        found[:, self._seen] = 1.0 if self._model is None else self._model.predict_proba(features)
        return found


def fitted_probe(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    classes: int,
    seed: int,
    balanced: bool = False,
) -> Probe:
    """A probe whose regularisation was chosen by the log loss on a fifth of the ``groups`` (int64 (n))."""
    strength = _chosen(features, labels, groups, classes, seed, balanced)
    return Probe(features, labels, classes, C=strength, balanced=balanced)


def _chosen(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, classes: int, seed: int, balanced: bool
) -> float:
    generator = np.random.default_rng(seed)
    held_out = generator.random(int(groups.max()) + 1) < _HELD_OUT
    sample = np.sort(generator.permutation(len(labels))[:_SAMPLE])
    held = held_out[groups[sample]]
    fit, check = sample[~held], sample[held]
    if not len(fit) or not len(check):
        return 1.0
    weights = _weights(labels[check], classes, balanced)

    def loss(strength: float) -> float:
        probe = Probe(features[fit], labels[fit], classes, C=strength, balanced=balanced)
        own = probe.probabilities(features[check])[np.arange(len(check)), labels[check]]
        return float(np.average(-np.log(np.maximum(own, _LEAST)), weights=weights))

    return min(STRENGTHS, key=loss)


def _weights(labels: np.ndarray, classes: int, balanced: bool) -> np.ndarray:
    """What each row counts: float64 (n)."""
    return 1 / np.bincount(labels, minlength=classes)[labels] if balanced else np.ones(len(labels))
