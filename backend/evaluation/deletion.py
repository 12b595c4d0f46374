"""The protocols ``deletion`` and ``brittleness``: does a query's probability fall without its proponents?

Case deletion of Yeh et al. 2022: remove the k strongest proponents (or opponents) of a query, train again,
and measure the probability of the query's own class. DEL+(k) and DEL-(k) are the mean changes against
trainings on all rows with the same seeds; AUC-DEL is their mean over k (the paper's includes k = 0, which is
noise by definition and left out here). Two controls remove as many random rows: of the query's class beside
the proponents, of other classes beside the opponents. Of other tasks than classification the class is the
stratum, and the probability what `Task.support` gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backend.data.messages import shown_name
from backend.errors import InputError
from backend.evaluation.intervals import Interval, crossed_interval
from backend.evaluation.outcomes import outcomes_of
from backend.evaluation.retrainer import Training, small_training
from backend.evaluation.variants import Variant, questions, scores_of
from backend.influence.answers.engine import Engine
from backend.progress import Progress, silent
from backend.tasks.task import Task
from backend.trials.strata import strata_names

CHANGE_OF = {
    "choose": "the class's probability",
    "choose many": "the mean probability of what is given of each label",
    "number": "minus the absolute error",
}
"""What a curve is about, by `Space.edit`."""
SAME_CLASS = "random rows"  # of the query's class for proponents, of other classes for opponents
ENDS = ("proponents", "opponents")


@dataclass(frozen=True)
class DeletionSettings:
    """How `Workspace.measure_deletion` measures.

    Parameters
    ----------
    ks
        How many rows are removed.
    queries
        How many eval rows.
    seeds
        Trainings of each removal.
    wrong
        Whether queries are rows that the model misclassifies; else any.
    seed
        Of the queries.
    workers
        Trainings at a time.

    Raises
    ------
    InputError
        If a number is out of its range.

    Examples
    --------
    >>> from firstword.settings import DeletionSettings
    >>> DeletionSettings(ks=(5,), seeds=1).ks
    (5,)
    """

    ks: tuple[int, ...] = (10, 30, 100)
    queries: int = 20
    seeds: int = 3
    wrong: bool = False
    seed: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        if not self.ks or min(self.ks) < 1:
            raise InputError("-k: must be numbers of at least 1, such as 10,30,100")
        for name, least in (("queries", 2), ("seeds", 1), ("workers", 1)):
            if getattr(self, name) < least:
                raise InputError(f"--{name} {getattr(self, name)}: must be at least {least}")


@dataclass(frozen=True)
class Curve:
    """One variant and one end; lists have one entry per k. An interval is None where nothing is known of it.

    ``change``: mean change of the probability of the query's class; ``intervals``: its 95 % intervals over
    queries and trainings; ``flipped``: share of the ``could`` queries whose prediction was right and is wrong
    (for proponents), or was wrong and is right (for opponents), by the mean over seeds.
    ``area``: mean of ``change`` over k; ``beyond``: the area less that of the random rows, pair by pair.
    """

    variant: str
    end: str
    ks: list[int]
    queries: int
    change: list[float]
    intervals: list[Interval | None]
    flipped: list[float | None]
    could: int
    area: float
    area_interval: Interval | None
    beyond: float
    beyond_interval: Interval | None


def measure_deletion(
    engine: Engine, variants: Sequence[Variant], settings: DeletionSettings, progress: Progress = silent
) -> tuple[list[Curve], list[str]]:
    """Curves of every variant and of the control, both ends, and a line for each that can't be had."""
    labels, train, strata = _strata(engine)
    if max(settings.ks) >= len(train) // 2:
        raise InputError(f"-k {max(settings.ks)}: less than half of the {len(train)} training rows, please")
    small = _too_small(train, len(strata), max(settings.ks))
    places = _queries(engine, labels, settings, small)
    asked = questions(engine, places)
    own = labels[places]
    orders: dict[str, np.ndarray] = {SAME_CLASS: _at_random(train, own, settings)}
    left_out = [
        f"eval rows of {shown_name(strata[each])}: too few training rows are, or are not, of that "
        f"class to draw {max(settings.ks)} at random"
        for each in sorted(set(labels[np.isin(labels, small)].tolist()))
    ]
    for variant, scores in scores_of(variants, asked, progress):
        if isinstance(scores, InputError):
            left_out.append(f"{variant.name}: {scores}")
        else:
            orders[variant.name] = _strongest_first(scores, settings.seed)
    training = small_training(engine.folder, places)
    everything = [Training(np.ones(len(train), dtype=bool), seed) for seed in range(settings.seeds)]
    removals = {
        (name, end, k): [_removed(len(train), order, end, k) for order in by_query]
        for name, by_query in orders.items()
        for end in ENDS
        for k in settings.ks
    }
    wanted = [
        Training(kept, seed)
        for group in removals.values()
        for kept in group
        for seed in range(settings.seeds)
    ]
    found = outcomes_of(engine.folder, training, [*everything, *wanted], settings.workers, progress)
    before = np.stack([found[each.key] for each in everything])  # (seeds, q, K)
    after = {
        (name, end): [_of_own(found, removals[name, end, k], settings.seeds) for k in settings.ks]
        for name in orders
        for end in ENDS
    }
    task, targets = engine.task, engine.numbers("eval")[places]
    changes = {key: _changes(task, targets, before, later) for key, later in after.items()}
    curves = []
    for (name, end), later in after.items():
        flipped, could = _flipped(task, targets, end, before, later)
        control = changes[SAME_CLASS, end]
        curves.append(_curve(name, end, settings.ks, changes[name, end], control, flipped, could))
    return curves, left_out


def _of_own(found: Mapping[str, np.ndarray], kept: Sequence[np.ndarray], seeds: int) -> np.ndarray:
    """Each query's probabilities after the trainings without its own rows: float32 (seeds, q, K)."""
    by_query = [
        np.stack([found[Training(each, seed).key][number] for seed in range(seeds)])
        for number, each in enumerate(kept)
    ]
    return np.stack(by_query, axis=1)


def _strongest_first(scores: np.ndarray, seed: int) -> np.ndarray:
    """Rows by falling score for every query, int64 (q, n); equal ones in an order of chance."""
    tie = np.random.default_rng((seed, 16)).permutation(scores.shape[1])
    return np.stack([np.lexsort((tie, -each)) for each in scores])


def _too_small(train: np.ndarray, n_classes: int, most: int) -> np.ndarray:
    """Classes of which, or of whose others, ``most`` rows at random can't be drawn: int64."""
    counts = np.bincount(train, minlength=n_classes)
    return np.flatnonzero((counts <= most) | (len(train) - counts <= most))


def _queries(engine: Engine, labels: np.ndarray, settings: DeletionSettings, small: np.ndarray) -> list[int]:
    """Eval rows, of every class alike as far as there are some; with ``wrong``, misclassified ones.

    Those of ``small`` classes are left out: their control would delete rows of other classes.
    """
    order = np.random.default_rng((settings.seed, 13)).permutation(len(labels))
    order = order[~np.isin(labels[order], small)]
    if not len(order):
        raise InputError(f"-k {max(settings.ks)}: no class has so many training rows; delete fewer")
    if settings.wrong:
        order = order[engine.predictions("eval").wrong[order]]
        if not len(order):
            raise InputError("--wrong: the model gets every eval row right")
        return sorted(order[: settings.queries].tolist())
    rounds = [order[labels[order] == label] for label in np.unique(labels)]
    taken = [each[number] for number in range(len(labels)) for each in rounds if number < len(each)]
    return sorted(int(each) for each in taken[: settings.queries])


def _at_random(train: np.ndarray, own: np.ndarray, settings: DeletionSettings) -> np.ndarray:
    """For every query rows of its class at the front and rows of other classes at the end: int64 (q, n)."""
    random = np.random.default_rng((settings.seed, 14))
    found = []
    for label in own.tolist():
        order = random.permutation(len(train))
        same = train[order] == label
        found.append(np.concatenate([order[same], order[~same]]))
    return np.stack(found)


def _removed(count: int, order: np.ndarray, end: str, k: int) -> np.ndarray:
    kept = np.ones(count, dtype=bool)
    kept[order[:k] if end == "proponents" else order[-k:]] = False
    return kept


def _strata(engine: Engine) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The stratum of every eval row and of every training row, int64, and what the strata are called."""
    space = engine.space
    rows = [*engine.splits["eval"].labels, *engine.train.labels]
    if space.edit == "choose":
        found, names = space.numbers(rows), list(space.names)
    else:
        found = space.strata(rows)
        names = list(strata_names(space, found))
    count = len(engine.splits["eval"])
    return found[:count], found[count:], names


def _changes(task: Task, own: np.ndarray, before: np.ndarray, after: Sequence[np.ndarray]) -> np.ndarray:
    """Change of the support of the queries' targets ``own``, float64 (k, seeds, q), from (seeds, q, K)
    each."""
    start = np.stack([task.support(each, own) for each in before])
    return np.stack([np.stack([task.support(each, own) for each in later]) - start for later in after])


def _curve(
    name: str,
    end: str,
    ks: Sequence[int],
    changes: np.ndarray,
    control: np.ndarray,
    flipped: list[float | None],
    could: int,
) -> Curve:
    """From changes (k, seeds, q), those of the random rows, and what turned."""
    areas, beyond = changes.mean(axis=0), (changes - control).mean(axis=0)
    return Curve(
        variant=name,
        end=end,
        ks=list(ks),
        queries=changes.shape[2],
        change=changes.mean(axis=(1, 2)).tolist(),
        intervals=[crossed_interval(each) for each in changes],
        flipped=flipped,
        could=could,
        area=float(areas.mean()),
        area_interval=crossed_interval(areas),
        beyond=float(beyond.mean()),
        beyond_interval=None if name == SAME_CLASS else crossed_interval(beyond),
    )


def _flipped(
    task: Task, own: np.ndarray, end: str, before: np.ndarray, after: Sequence[np.ndarray]
) -> tuple[list[float | None], int]:
    """Shares of the queries that turn, and how many could; none where no answer is right or wrong."""
    if not task.knows_right:
        return [None for _ in after], 0
    right, *now = (_right(task, own, each) for each in (before, *after))
    could = right if end == "proponents" else ~right
    shares = [float((each[could] != right[could]).mean()) if could.any() else None for each in now]
    return shares, int(could.sum())


def _right(task: Task, own: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Whether the mean outputs over seeds, (seeds, q, K), say the target: bool (q)."""
    same = task.predicted(outputs.mean(axis=0)) == own
    return same.reshape(len(own), -1).all(axis=1)
