"""The trial behind `retrain`: the decisions, beside the untouched data, random ones and removal by loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backend.data.dataset import Split
from backend.data.rowstate import RowState
from backend.errors import InputError
from backend.retraining.arm import Arm, Phase, Rows, Trial, same_rows
from backend.retraining.decided import decided_rows

UNTOUCHED, CLEANED, RANDOM, BY_LOSS = "untouched", "cleaned", "random decisions", "removal by loss"
_LOOKED_AT = (
    "whoever decided while looking at eval rows has fitted the decisions to them: such figures are optimistic"
)


NOTHING = "no training row is removed or relabelled: there is nothing to compare; decide first"


def decisions_arms(removes: bool, knows_losses: bool) -> tuple[str, ...]:
    """The arms of `decisions_trial`, without making it."""
    return (UNTOUCHED, CLEANED, RANDOM, *((BY_LOSS,) if removes and knows_losses else ()))


def decisions_trial(
    train: Split,
    n_eval: int,
    classes: tuple[str, ...],
    states: Mapping[str, RowState],
    losses: np.ndarray | None,
) -> Trial:
    """Arms `UNTOUCHED`, `CLEANED`, `RANDOM` and, where rows are removed and the training rows' ``losses``
    are known, `BY_LOSS`.

    The controls do as much: of every class as given `RANDOM` removes as many rows and gives as many the same
    new labels, `BY_LOSS` removes as many. `InputError` where nothing is removed or relabelled, or nothing
    would be left.
    """
    given, now, removed = decided_rows(train, classes, states)
    changed = removed | (now != given)
    if not changed.any():
        raise InputError(NOTHING)
    left = np.bincount(now[~removed], minlength=len(classes))
    if empty := [name for name, count in zip(classes, left, strict=True) if not count]:
        raise InputError(f"the decisions leave no training row of class {empty[0]!r}; keep some")
    everything, kept = np.arange(len(train)), np.flatnonzero(~removed)
    relabelled = changed & ~removed
    amounts = f"{int(removed.sum()):,} rows removed, {int(relabelled.sum()):,} relabelled"
    arms = [
        same_rows(Rows(everything, given), UNTOUCHED, "all rows with the labels that they came with"),
        same_rows(Rows(kept, now[kept]), CLEANED, amounts),
        Arm(
            RANDOM,
            f"{amounts}, drawn at random: of every class as many as were decided, to the same new labels; "
            "others for each seed",
            lambda seed: [Phase(_random(given, now, removed, seed))],
        ),
    ]
    if losses is not None and removed.any():
        counts = np.bincount(given[removed], minlength=len(classes))
        order = np.argsort(-losses, kind="stable")
        worst = np.concatenate([order[given[order] == label][:n] for label, n in enumerate(counts)])
        what = f"{len(worst):,} rows removed, of every class as many, those of the largest loss"
        arms.append(same_rows(_without(given, worst), BY_LOSS, what))
    return Trial("decisions", tuple(arms), np.arange(n_eval), control=RANDOM, notes=(_LOOKED_AT,))


def _random(given: np.ndarray, now: np.ndarray, removed: np.ndarray, seed: int) -> Rows:
    """The decisions made for random rows of the same given class: what is done stays, to whom is drawn."""
    order = np.random.default_rng((seed, 3)).permutation(len(given))
    labels, gone = given.copy(), np.zeros(len(given), dtype=bool)
    for label in np.unique(given):
        decided = np.flatnonzero((given == label) & (removed | (now != given)))
        drawn = order[given[order] == label][: len(decided)]
        labels[drawn], gone[drawn] = now[decided], removed[decided]
    kept = np.flatnonzero(~gone)
    return Rows(kept, labels[kept])


def _without(given: np.ndarray, removed: np.ndarray) -> Rows:
    kept = np.setdiff1d(np.arange(len(given)), removed)
    return Rows(kept, given[kept])
