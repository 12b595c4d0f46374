"""The protocol ``lds``: does summed influence predict what a model trained on half of the rows says?

Linear datamodeling score (Park et al. 2023, TRAK): train on random halves; for a query, Spearman's
correlation over halves between the summed influence of the rows in a half and the query's margin ``log p /
(1 - p)`` (of other tasks: minus its loss); mean over queries. The trainings are shared by all methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from backend.errors import InputError
from backend.evaluation.outcomes import outcomes_of
from backend.evaluation.retrainer import Training, small_training
from backend.evaluation.variants import Variant, questions, scores_of
from backend.influence.answers.engine import Engine
from backend.progress import Progress, silent

_DRAWS = 300


@dataclass(frozen=True)
class LdsSettings:
    """How `Workspace.measure_lds` measures.

    Parameters
    ----------
    subsets
        How many random halves.
    seeds
        Trainings of each half.
    queries
        How many eval rows.
    seed
        Of halves and queries.
    workers
        Trainings at a time.

    Raises
    ------
    InputError
        If a number is out of its range.

    Examples
    --------
    >>> from firstword.settings import LdsSettings
    >>> LdsSettings(subsets=20).seeds
    1
    """

    subsets: int = 100
    seeds: int = 1
    queries: int = 50
    seed: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        for name, least in (("subsets", 3), ("seeds", 1), ("queries", 2), ("workers", 1)):
            if getattr(self, name) < least:
                raise InputError(f"--{name} {getattr(self, name)}: must be at least {least}")


@dataclass(frozen=True)
class Lds:
    """Mean over queries, and its 95 % interval from a bootstrap over halves and queries together: all queries
    share the halves, so chance in these moves all of them. ``values``: one a query; ``drawn``: the means
    of the bootstrap, the same draws for every variant, for intervals of differences.
    """

    variant: str
    mean: float
    low: float
    high: float
    values: list[float]
    drawn: list[float]

    def ahead_of(self, other: Lds) -> tuple[float, float]:
        """95 % interval of the difference to another variant measured on the same halves."""
        low, high = np.quantile(np.array(self.drawn) - np.array(other.drawn), [0.025, 0.975])
        return float(low), float(high)


@dataclass(frozen=True)
class GroundTruth:
    """``halves`` bool (m, n): which rows a training had; ``margins`` float64 (m, q); ``places``: queries."""

    halves: np.ndarray
    margins: np.ndarray
    places: list[int]


def ground_truth(engine: Engine, settings: LdsSettings, progress: Progress = silent) -> GroundTruth:
    """Train on the halves, or read what was trained before; raises `InputError`."""
    random = np.random.default_rng((settings.seed, 11))
    places = sorted(random.permutation(len(engine.splits["eval"]))[: settings.queries].tolist())
    small = small_training(engine.folder, places)
    count = len(small.labels)
    halves = np.zeros((settings.subsets, count), dtype=bool)
    for half in halves:
        half[random.permutation(count)[: count // 2]] = True
    # Further seeds of a subset get numbers of their own: a subset and its seed belong together.
    seeds = [[1000 * number + place for number in range(settings.seeds)] for place in range(len(halves))]
    trainings = [
        [Training(half, seed) for seed in of_half] for half, of_half in zip(halves, seeds, strict=True)
    ]
    found = outcomes_of(
        engine.folder, small, [each for group in trainings for each in group], settings.workers, progress
    )
    rows = engine.splits["eval"].take(places)
    own, task = engine.space.numbers(rows.targets), engine.task
    margins = [np.mean([task.margins(found[each.key], own) for each in group], axis=0) for group in trainings]
    return GroundTruth(halves, np.stack(margins), places)


def measure_lds(
    engine: Engine, variants: Sequence[Variant], settings: LdsSettings, progress: Progress = silent
) -> tuple[list[Lds], list[str]]:
    """LDS of every variant, best first, and a line for each that can't be had."""
    truth = ground_truth(engine, settings, progress)
    asked = questions(engine, truth.places)
    found, left_out = [], []
    for variant, scores in scores_of(variants, asked, progress):
        if isinstance(scores, InputError):
            left_out.append(f"{variant.name}: {scores}")
        else:
            found.append(scored(variant.name, scores, truth))
    return sorted(found, key=lambda each: -each.mean), left_out


def scored(name: str, scores: np.ndarray, truth: GroundTruth, seed: int = 0) -> Lds:
    """LDS of influence float64 (q, n) against the truth."""
    summed = truth.halves.astype(np.float64) @ scores.T
    values = correlations(summed, truth.margins)
    random = np.random.default_rng((seed, 12))
    halves, queries = summed.shape
    drawn = []
    for _ in range(_DRAWS):
        rows, columns = random.integers(halves, size=halves), random.integers(queries, size=queries)
        drawn.append(float(correlations(summed[rows], truth.margins[rows])[columns].mean()))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Lds(name, float(values.mean()), float(low), float(high), values.tolist(), drawn)


def correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Spearman's correlation of every column: float64 (q), from (m, q) each; 0 where one is constant."""
    ranks = [rankdata(each, axis=0) for each in (one, other)]
    centred = [each - each.mean(axis=0) for each in ranks]
    scale = np.sqrt((centred[0] ** 2).sum(axis=0) * (centred[1] ** 2).sum(axis=0))
    product = (centred[0] * centred[1]).sum(axis=0)
    return np.divide(product, scale, out=np.zeros(len(scale)), where=scale > 0)
