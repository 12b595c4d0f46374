"""Naive Bayes on words, cross-fitted: what the words of a text say to a model that never saw the row.

A word is believed the less the rarer it is: its share in each class is drawn to its share in all rows
(Laplace smoothing in proportion).
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.special import log_softmax

from backend.data.examples import Examples
from backend.scores.word_presence import label_matrix, word_presence


def word_log_probabilities(rows: Examples, labels: np.ndarray, classes: int, folds: np.ndarray) -> np.ndarray:
    """Out-of-fold log probabilities of classes: float64 (n, K).

    Args:
        labels: int64 (n), below ``classes``. folds: int (n), in which each row is held out.
    """
    present, _ = word_presence(rows)
    given = label_matrix(labels, classes)
    found = np.zeros((len(labels), classes))
    for fold in range(int(folds.max()) + 1):
        fit, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        if len(held):
            evidence, prior = _fitted(present[fit], given[fit])
            found[held] = present[held] @ evidence + prior
    return log_softmax(found, axis=1)


def _fitted(present: sparse.csr_matrix, given: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """What each word adds to the log probability of each class (V, K), and what stands without words (K)."""
    counts, rows = (present.T @ given).toarray(), np.asarray(given.sum(axis=0)).ravel()
    classes = len(rows)
    share = (counts.sum(axis=1, keepdims=True) + 0.5) / (rows.sum() + 1)
    evidence = np.log((counts + share * classes) / (rows + classes)) - np.log(share)
    return evidence, np.log((rows + 1) / (rows.sum() + classes))
