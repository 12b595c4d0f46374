"""The trial behind `retrain`: the decisions, beside the untouched data, random ones and removal by loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backend.data.dataset import Split
from backend.data.rowstate import RowState
from backend.data.targets.space import Space
from backend.errors import InputError
from backend.trials.arm import Arm, Phase, Rows, Trial, same_rows
from backend.trials.decision_mark import decided_rows
from backend.trials.strata import each_stratum

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
    space: Space,
    states: Mapping[str, RowState],
    losses: np.ndarray | None,
) -> Trial:
    """Arms `UNTOUCHED`, `CLEANED`, `RANDOM` and, where rows are removed and the training rows' ``losses``
    are known, `BY_LOSS`.

    The controls do as much: of every stratum as given (class, rarest label, range of numbers) `RANDOM`
    removes as many rows and gives as many the same new targets, `BY_LOSS` removes as many. A text that
    answers one row answers no other: for one that is corrected, `RANDOM` removes a row, too. `InputError`
    where nothing is removed or relabelled, or something would die out.
    """
    given, now, removed = decided_rows(train, states)
    changed = removed | (now != given)
    if not changed.any():
        raise InputError(NOTHING)
    _check_left(space, given, now[~removed])
    strata, each = space.strata(given.tolist()), each_stratum(space)
    everything, kept = np.arange(len(train)), np.flatnonzero(~removed)
    relabelled = changed & ~removed
    texts, count = space.edit == "text", _rows_removed(int(removed.sum()))
    amounts = f"{count}, {int(relabelled.sum()):,} {'corrected' if texts else 'relabelled'}"
    alike = f"drawn at random: of {each} as many as were decided"
    done = (given, changed) if texts else (now, removed)
    if texts:
        drawn = f"{_rows_removed(int(changed.sum()))}, {alike}; others for each seed"
    else:
        drawn = f"{amounts}, {alike}, to the same new labels; others for each seed"
    arms = [
        same_rows(
            Rows(everything, given),
            UNTOUCHED,
            f"all rows with the {'answers' if texts else 'labels'} that they came with",
        ),
        same_rows(Rows(kept, now[kept]), CLEANED, amounts),
        Arm(
            RANDOM,
            drawn,
            lambda seed: [Phase(_random(strata, given, done[0], done[1], seed))],
        ),
    ]
    if losses is not None and removed.any():
        counts = np.bincount(strata[removed])
        order = np.argsort(-losses, kind="stable")
        worst = np.concatenate([order[strata[order] == stratum][:n] for stratum, n in enumerate(counts)])
        what = f"{_rows_removed(len(worst))}, of {each} as many, those of the largest loss"
        arms.append(same_rows(_without(given, worst), BY_LOSS, what))
    return Trial("decisions", tuple(arms), np.arange(n_eval), control=RANDOM, notes=(_LOOKED_AT,))


def _rows_removed(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'} removed"


def _check_left(space: Space, given: np.ndarray, left: np.ndarray) -> None:
    """Refuse decisions after which something can't be learnt any more."""
    if space.edit == "number":
        if len(set(left)) < 2:
            raise InputError("the decisions leave no two training rows with different numbers; keep some")
        return
    if space.edit == "text":
        if not len(left):
            raise InputError("the decisions leave no training row; keep some")
        return
    there = _labels(space, left)
    # A label that no row ever had, as a column of 0 and 1 can be, is not lost by a decision.
    before = space.names if space.edit == "choose" else _labels(space, given)
    if gone := [name for name in before if name not in there]:
        kind = "of class" if space.edit == "choose" else "with label"
        raise InputError(f"the decisions leave no training row {kind} {gone[0]!r}; keep some")


def _labels(space: Space, targets: np.ndarray) -> list[str]:
    there = {name for target in targets for name in space.labels_of(target)}
    return [name for name in space.names if name in there]


def _random(strata: np.ndarray, given: np.ndarray, now: np.ndarray, removed: np.ndarray, seed: int) -> Rows:
    """The decisions made for random rows of the same stratum: what is done stays, to whom is drawn."""
    order = np.random.default_rng((seed, 3)).permutation(len(given))
    targets, gone = given.copy(), np.zeros(len(given), dtype=bool)
    for each in np.unique(strata):
        decided = np.flatnonzero((strata == each) & (removed | (now != given)))
        drawn = order[strata[order] == each][: len(decided)]
        targets[drawn], gone[drawn] = now[decided], removed[decided]
    kept = np.flatnonzero(~gone)
    return Rows(kept, targets[kept])


def _without(given: np.ndarray, removed: np.ndarray) -> Rows:
    kept = np.setdiff1d(np.arange(len(given)), removed)
    return Rows(kept, given[kept])
