"""Ranks of values, ties included, without loading scipy: lists and refusals must not wait for it."""

from __future__ import annotations

from typing import Literal

import numpy as np


def rankdata(values: np.ndarray, method: Literal["average", "max"] = "average") -> np.ndarray:
    """1 for the lowest of n values; ties share their mean or their largest rank: float64 (n).

    The same as `scipy.stats.rankdata` of values that are numbers.
    """
    if not len(values):
        return np.empty(0)
    order = np.argsort(values, kind="stable")
    ordered = np.asarray(values)[order]
    first = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    last = np.r_[first[1:], len(order)]
    of_group = last.astype(np.float64) if method == "max" else (first + 1 + last) / 2
    found = np.empty(len(order))
    found[order] = np.repeat(of_group, last - first)
    return found
