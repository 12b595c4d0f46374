"""The trial behind `retrain`: the decisions, beside the untouched data and two ways to remove as much."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backend.data.dataset import Split
from backend.data.rowstate import RowState
from backend.errors import InputError
from backend.retraining.arm import Arm, Phase, Rows, Trial, same_rows
from backend.retraining.decided import decided_rows

UNTOUCHED, CLEANED, RANDOM, BY_LOSS = "untouched", "cleaned", "random removal", "removal by loss"
_LOOKED_AT = (
    "whoever decided while looking at eval rows has fitted the decisions to them: such figures are optimistic"
)


def decisions_trial(
    train: Split,
    n_eval: int,
    classes: tuple[str, ...],
    states: Mapping[str, RowState],
    losses: np.ndarray | None,
) -> Trial:
    """Arms `UNTOUCHED`, `CLEANED`, `RANDOM` and, where the training rows' ``losses`` are known, `BY_LOSS`.

    The controls remove, of every class as given, as many rows as the decisions remove or relabel.
    `InputError` where nothing is removed or relabelled, or nothing would be left.
    """
    given, now, removed = decided_rows(train, classes, states)
    changed = removed | (now != given)
    if not changed.any():
        raise InputError(
            "no training row is removed or relabelled: there is nothing to compare; decide first"
        )
    left = np.bincount(now[~removed], minlength=len(classes))
    if empty := [name for name, count in zip(classes, left, strict=True) if not count]:
        raise InputError(f"the decisions leave no training row of class {empty[0]!r}; keep some")
    counts = np.bincount(given[changed], minlength=len(classes))
    everything = np.arange(len(train))
    kept = np.flatnonzero(~removed)
    arms = [
        same_rows(Rows(everything, given), UNTOUCHED, "all rows with the labels that they came with"),
        same_rows(
            Rows(kept, now[kept]),
            CLEANED,
            f"{int(removed.sum()):,} rows removed, {int((~removed & (now != given)).sum()):,} relabelled",
        ),
        Arm(
            RANDOM,
            f"{int(changed.sum()):,} rows drawn at random, of every class as many as were decided; "
            "others for each seed",
            lambda seed: [Phase(_without(given, _drawn(given, counts, seed)))],
        ),
    ]
    if losses is not None:
        worst = _of_every_class(given, counts, np.argsort(-losses, kind="stable"))
        arms.append(
            same_rows(_without(given, worst), BY_LOSS, "as many, those of the largest loss of their class")
        )
    return Trial("decisions", tuple(arms), np.arange(n_eval), control=RANDOM, notes=(_LOOKED_AT,))


def _drawn(given: np.ndarray, counts: np.ndarray, seed: int) -> np.ndarray:
    return _of_every_class(given, counts, np.random.default_rng((seed, 3)).permutation(len(given)))


def _of_every_class(given: np.ndarray, counts: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The first ``counts[k]`` of every class k in ``order``."""
    return np.concatenate([order[given[order] == label][:count] for label, count in enumerate(counts)])


def _without(given: np.ndarray, removed: np.ndarray) -> Rows:
    kept = np.setdiff1d(np.arange(len(given)), removed)
    return Rows(kept, given[kept])
