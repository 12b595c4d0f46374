"""How much a figure moves per unit of each row's weight: its influence function, a number a row, sum 0.

The figure's variance over redrawn rows is the sum of their squares (the infinitesimal jackknife of Efron
1982, here by formula, so that n rows cost n log n and not n figures).
"""

from __future__ import annotations

import numpy as np


def ratio_moves(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Of a ratio of sums over rows, ``above`` (n) over ``below`` (n): (n); 0 where the lower sum is 0."""
    total = below.sum()
    return (above - above.sum() / total * below) / total if total else np.zeros(len(above))


def average_precision(given: np.ndarray, scores: np.ndarray) -> tuple[float, np.ndarray]:
    """Average precision of ``scores`` (n) for ``given`` bool (n), of which some is true, and its moves (n).

    With r_i rows at or above row i and precision p_i among them it is the mean of p_i over the given rows.
    A row k changes its own term, and p_i of every row i at or below it.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, y = scores[order], given[order].astype(np.float64)
    last = np.searchsorted(-ranked, -ranked, side="right")  # rows at or above each
    precision = np.cumsum(y)[last - 1] / last
    found = float((y * precision).sum() / y.sum())
    first = np.searchsorted(-ranked, -ranked, side="left")  # rows above each: the others are at or below it
    below = _from(y / last, first), _from(y * precision / last, first)
    moves = np.empty(len(scores))
    moves[order] = (y * (precision - found) + y * below[0] - below[1]) / y.sum()
    return found, moves


def rank_correlation(one: np.ndarray, other: np.ndarray) -> tuple[float, np.ndarray]:
    """Spearman's correlation of two lists (n), ties in the middle, and its moves (n); 0 if one is constant.

    With u and v the share of rows below each (half of its equals with them), less 1/2: mean(u v) over the
    root of mean(u^2) mean(v^2). A row changes its own term, and the share below every row above it.
    """
    places = [_Places(one), _Places(other)]
    u, v = (each.shares for each in places)
    covariance, variances = (u * v).mean(), [(u * u).mean(), (v * v).mean()]
    if min(variances) <= 0:
        return 0.0, np.zeros(len(one))
    scale = float(np.sqrt(variances[0] * variances[1]))
    found = float(covariance / scale)
    together = u * v + places[0].above(v) + places[1].above(u) - 3 * covariance
    alone = [
        (share**2 + 2 * each.above(share) - 3 * variance) / variance
        for share, each, variance in zip((u, v), places, variances, strict=True)
    ]
    return found, (together / scale - found / 2 * (alone[0] + alone[1])) / len(one)


class _Places:
    """Where each of n values stands among all: ``shares`` float64 (n), the rows below it less 1/2."""

    def __init__(self, values: np.ndarray) -> None:
        self._order = np.argsort(values, kind="stable")
        ranked = values[self._order]
        self._first = np.searchsorted(ranked, values, side="left")
        self._last = np.searchsorted(ranked, values, side="right")
        self.shares = (self._first + self._last) / (2 * len(values)) - 0.5

    def above(self, values: np.ndarray) -> np.ndarray:
        """For each row, the sum of ``values`` (n) over the rows above it and half of its equals, over n."""
        rows = values[self._order]
        return (_from(rows, self._first) + _from(rows, self._last)) / (2 * len(values))


def _from(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The sums of ``values`` from each of ``places`` on."""
    return np.concatenate([np.cumsum(values[::-1])[::-1], [0.0]])[places]
