"""Which eval rows an arm gets right that its reference gets wrong, and the reverse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Flips:
    """Eval rows (places among those measured) that most seeds had wrong and now have right, and the reverse.

    ``changed``: in how many rows a run of the arm and a run of the reference with another seed are not both
    right or both wrong, mean over pairs; ``by_chance``: the same of two runs of the reference. None with one
    seed.
    """

    fixed: list[int]
    broken: list[int]
    changed: float | None
    by_chance: float | None


def flips(runs: Sequence[np.ndarray], reference: Sequence[np.ndarray]) -> Flips:
    """From what each run has right, bool (n), one a seed; a row that just half of the seeds have right is on
    neither side."""
    after, before = np.stack(runs), np.stack(reference)
    is_right, is_wrong = after.mean(axis=0) > 0.5, after.mean(axis=0) < 0.5
    was_right, was_wrong = before.mean(axis=0) > 0.5, before.mean(axis=0) < 0.5
    return Flips(
        np.flatnonzero(is_right & was_wrong).tolist(),
        np.flatnonzero(is_wrong & was_right).tolist(),
        _apart(after, before),
        _apart(before, before),
    )


def _apart(runs: np.ndarray, others: np.ndarray) -> float | None:
    """Rows in which two runs of different seeds differ, mean over pairs; bool (S, n) each."""
    seeds = len(runs)
    if seeds == 1:
        return None
    ours, theirs = runs.sum(axis=0), others.sum(axis=0)
    every = (ours * (seeds - theirs) + (seeds - ours) * theirs).sum() - (runs != others).sum()
    return float(every / (seeds * (seeds - 1)))
