"""Suspicions as ranks, over all rows or among the rows of one label, and which of them are a reason."""

from __future__ import annotations

from typing import Literal

import numpy as np

from backend.scores.score import Score

REASON_SHARE = 0.05  # of the rows (or of a class's): what is further down is no reason
LEAST_IN_CLASS = 20  # rows of a class, below which standing out within it means nothing


def rankdata(values: np.ndarray, method: Literal["average", "max"] = "average") -> np.ndarray:
    """1 for the lowest of n values; ties share their mean or their largest rank: float64 (n).

    The same as `scipy.stats.rankdata` of values that are numbers, without loading scipy: lists and refusals
    must not wait for it.
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


def rank_of(values: np.ndarray, method: Literal["average", "max"] = "average") -> np.ndarray:
    """Suspicions as ranks between 0 and 1, 1 the highest; NaN where there is none: float64 (n).

    Ties share their mean rank, or with ``max`` the highest.
    """
    known = np.isfinite(values)
    found = np.full(len(values), np.nan)
    if known.any():
        found[known] = rankdata(values[known], method) / np.count_nonzero(known)
    return found


def rank_within(
    values: np.ndarray, classes: np.ndarray, method: Literal["average", "max"] = "average"
) -> np.ndarray:
    """`rank_of` among the rows of the same class, int (n): float64 (n).

    With ``average``, less half a row: who is alone in its class is in the middle of it, not at its top.
    """
    found = np.full(len(values), np.nan)
    for rows in rows_by_class(classes):
        found[rows] = rank_of(values[rows], method)
        if method == "average":
            found[rows] -= 0.5 / max(int(np.isfinite(values[rows]).sum()), 1)
    return found


def rows_by_class(classes: np.ndarray) -> list[np.ndarray]:
    """The rows of each class that occurs: int64 arrays, from int (n)."""
    order = np.argsort(classes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(classes[order])) + 1) if len(order) else []


def ranked(score: Score, values: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Suspicions (n) as ranks, as the score is compared: over all rows, or within the class int (n)."""
    return rank_within(values, classes) if score.within_class else rank_of(values)


def reason_ranks(
    score: Score, values: np.ndarray, classes: np.ndarray, holds: np.ndarray | None = None
) -> np.ndarray:
    """The rank of every row for which a score is a reason, else 0: float64 (n).

    From suspicions (n), classes int (n) and, where the score has a condition, whether it ``holds``, bool (n).
    A score is a reason for the most suspicious `REASON_SHARE`, of all rows or of the class, if they are above
    the middle and beyond the score's own limit. Many that tie are no reason: nothing tells them apart. Only
    where the score has a limit, all that tie are beyond it together. One whose limit is ``absolute`` is a
    reason for all beyond it.
    """
    method: Literal["average", "max"] = "average" if score.beyond is None else "max"
    ranks = rank_within(values, classes, method) if score.within_class else rank_of(values, method)
    known = np.isfinite(values)
    if score.absolute:
        return np.where(_beyond(score, values), np.nan_to_num(ranks), 0.0)
    speaks = known & (np.nan_to_num(ranks) > 1 - REASON_SHARE)
    if score.within_class:
        speaks &= _above_middle(values, classes) & (_sizes(known, classes) >= LEAST_IN_CLASS)
    elif known.any():
        speaks &= np.where(known, values, -np.inf) > np.median(values[known])
    if score.beyond is not None:
        speaks &= _beyond(score, values)
    if holds is not None:
        speaks &= holds
    return np.where(speaks, ranks, 0.0)


def _beyond(score: Score, values: np.ndarray) -> np.ndarray:
    """Whether suspicions are beyond the score's limit: bool (n)."""
    return np.nan_to_num(values, nan=-np.inf) > score.suspicion(np.array([score.beyond]))[0]


def _above_middle(values: np.ndarray, classes: np.ndarray) -> np.ndarray:
    found = np.zeros(len(values), dtype=bool)
    for every in rows_by_class(classes):
        rows = every[np.isfinite(values[every])]
        if len(rows):
            found[rows] = values[rows] > np.median(values[rows])
    return found


def _sizes(known: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """How many known rows the class of each row has: int64 (n)."""
    _, places = np.unique(classes, return_inverse=True)
    return np.bincount(places, weights=known).astype(np.int64)[places]
