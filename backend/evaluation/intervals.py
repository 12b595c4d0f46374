"""The interval of a mean over queries and trainings, both of which are samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t

Interval = tuple[float, float]


def crossed_interval(values: np.ndarray, level: float = 0.95) -> Interval | None:
    """Of the mean of ``values`` (seeds, queries), each of which has noise of its own.

    A training's chance moves all queries at once, so the mean over few trainings is as uncertain as that
    of few numbers: ``var = var(query means) / q + var(seed means) / s``, and a t quantile with the degrees of
    freedom of Satterthwaite (1946). None with a single training or query, where nothing can be said.
    """
    seeds, queries = values.shape
    if seeds < 2 or queries < 2:
        return None
    parts = np.array([values.mean(axis=0).var(ddof=1) / queries, values.mean(axis=1).var(ddof=1) / seeds])
    variance = parts.sum()
    if variance == 0:
        return float(values.mean()), float(values.mean())
    degrees = variance**2 / (parts**2 / np.array([queries - 1, seeds - 1])).sum()
    half = t.ppf((1 + level) / 2, degrees) * variance**0.5
    return float(values.mean() - half), float(values.mean() + half)


def with_interval(mean: float, interval: Sequence[float] | None) -> str:
    """For a table."""
    low_and_high = "" if interval is None else f" ({interval[0]:+.3f} to {interval[1]:+.3f})"
    return f"{mean:+.3f}{low_and_high}"
