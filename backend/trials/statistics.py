"""How an arm's figures differ from another's, with intervals that know both kinds of chance.

Two things vary: the seed of the training and the eval rows that happen to be there. An interval adds both
in squares: the rows' part is 1.96 standard errors of the difference averaged over seeds, the seeds' part
Student's quantile with S - 1 degrees of freedom times the standard error of S differences. (Drawing three
seeds with replacement would take the smallest alone once in 27 times, so that "all three agree" would look
like 95 %.) What is due to rows and seeds together counts in both parts: intervals are rather too wide.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

LEVEL = 0.95
LEAST = 10
"""A class, group or stratum with fewer eval rows is never called beyond noise: the rows' part is not known
then."""
Runs = list[np.ndarray]
"""Outputs (n, K) of an arm, one for each seed."""


@dataclass(frozen=True)
class Difference:
    """``mean`` over seeds of a figure's difference, its 95 % interval (``low``, ``high``), and one per seed.

    ``beyond_noise``: with two seeds at least, the interval excludes 0; for a class or a group the interval
    that holds for all classes or groups together (Bonferroni), where it has `LEAST` rows.
    """

    mean: float
    low: float
    high: float
    seeds: list[float]
    beyond_noise: bool


@dataclass(frozen=True)
class Family:
    """Figures that stand in one table: their ``names``, how often chance has its try among them, and how many
    eval rows stand behind each."""

    names: Sequence[str]
    tries: int
    rows: np.ndarray

    @classmethod
    def of_all(cls, *names: str) -> Family:
        """Figures of all rows, each for itself."""
        return cls(names, 1, np.full(len(names), np.inf))


class Measure(ABC):
    """The figures of one task, from the outputs of a run for the eval rows that measure.

    ``names``: of all figures, in order. ``sizes``: eval rows of every group, if there are several.
    ``one_answer``: what a model that learnt nothing says of every row. ``group_figure``: what is told of
    groups.
    """

    one_answer: str
    group_figure: str

    def __init__(self, families: Sequence[Family], groups: Groups) -> None:
        self._groups = groups
        every = [*families, Family([f"group/{each}" for each in groups.sizes], len(groups), groups.counts)]
        self.sizes = groups.sizes
        self.names = tuple(name for each in every for name in each.names)
        self._tries = np.repeat([max(each.tries, 1) for each in every], [len(each.names) for each in every])
        self._rows = np.concatenate([each.rows for each in every])

    @abstractmethod
    def figures(self, outputs: np.ndarray) -> np.ndarray:
        """All figures of one run: float64 (f), from outputs (n, K); NaN for what no eval row shows."""

    @abstractmethod
    def row_errors(self, runs: Runs, reference: Runs) -> np.ndarray:
        """Standard errors, over eval rows, of the differences averaged over seeds: (f), by linearisation.

        A figure moves by g per unit of a row's weight; its variance is the sum of all g squared.
        """

    @abstractmethod
    def right(self, outputs: np.ndarray) -> np.ndarray | None:
        """Which rows a run has right: bool (n); None where no row is right or wrong."""

    @abstractmethod
    def says_one_thing(self, outputs: np.ndarray) -> bool:
        """Whether a run says the same of every row, though there are other things to say."""

    def over_seeds(self, runs: Runs) -> np.ndarray:
        """Figures of every run: (S, f)."""
        return np.stack([self.figures(each) for each in runs])

    def differences(self, runs: Runs, reference: Runs) -> dict[str, Difference]:
        """Of every figure; runs of the same place have the same seed."""
        per_seed = self.over_seeds(runs) - self.over_seeds(reference)
        mean, rows = per_seed.mean(axis=0), self.row_errors(runs, reference)
        half = _half(1 - LEVEL, rows, per_seed)
        beyond = (np.abs(mean) > _half((1 - LEVEL) / self._tries, rows, per_seed)) & (self._rows >= LEAST)
        return {
            name: Difference(
                float(mean[place]),
                float(mean[place] - half[place]),
                float(mean[place] + half[place]),
                per_seed[:, place].tolist(),
                bool(beyond[place]) and len(runs) > 1,
            )
            for place, name in enumerate(self.names)
            if np.isfinite(mean[place])
        }


class Groups:
    """Rows in groups, if there are several. ``counts`` float64 (G), ``sizes`` by name."""

    def __init__(self, groups: Sequence[str] | None) -> None:
        found = [each or "(none)" for each in groups or ()]
        places = {name: place for place, name in enumerate(sorted(set(found)))}
        places = places if len(places) > 1 else {}
        self._of_row = np.array([places[each] for each in found] if places else [], dtype=np.int64)
        counts = np.bincount(self._of_row, minlength=len(places))
        self.sizes: dict[str, int] = dict(zip(places, counts.tolist(), strict=True))
        self.counts = counts.astype(float)

    def __len__(self) -> int:
        return len(self.sizes)

    def means(self, values: np.ndarray) -> np.ndarray:
        """Of values (n), over the rows of each group: (G)."""
        if not self.sizes:
            return self.counts
        return np.bincount(self._of_row, values, len(self)) / self.counts

    def squares(self, values: np.ndarray) -> np.ndarray:
        """Squared standard errors of these means: (G)."""
        if not self.sizes:
            return self.counts
        apart = values - self.means(values)[self._of_row]
        return self.means(apart**2) / self.counts

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Of values (n), over the rows of each group: (G)."""
        if not self.sizes:
            return self.counts
        return np.bincount(self._of_row, values, len(self))

    def ratios(self, above: np.ndarray, below: np.ndarray) -> np.ndarray:
        """Of each group the sum of ``above`` (n) over that of ``below`` (n): (G), NaN where that is 0."""
        total = self.sums(below)
        return np.divide(self.sums(above), total, out=np.full(len(self), np.nan), where=total > 0)

    def ratio_moves(self, above: np.ndarray, below: np.ndarray) -> np.ndarray:
        """How much the ratio of its own group moves per unit of each row's weight: (n)."""
        if not self.sizes:
            return np.zeros(len(above))
        own, total = self.ratios(above, below)[self._of_row], self.sums(below)[self._of_row]
        moved = np.where(total > 0, above - np.nan_to_num(own) * below, 0.0)
        return np.divide(moved, total, out=np.zeros(len(above)), where=total > 0)


def signed(runs: Runs, reference: Runs) -> Iterator[tuple[np.ndarray, float]]:
    """Every run with its part in the difference of the means over seeds."""
    yield from ((each, 1 / len(runs)) for each in runs)
    yield from ((each, -1 / len(runs)) for each in reference)


def _half(error: float | np.ndarray, rows: np.ndarray, per_seed: np.ndarray) -> np.ndarray:
    """Half the width of intervals that miss the truth with probability ``error``: (f)."""
    seeds, tail = len(per_seed), 1 - np.asarray(error) / 2
    if seeds == 1:
        return ndtri(tail) * rows
    own = per_seed.std(axis=0, ddof=1) / np.sqrt(seeds)
    return np.hypot(ndtri(tail) * rows, stdtrit(seeds - 1, tail) * own)


def interval(seeds: np.ndarray) -> tuple[float | None, float | None]:
    """Where the mean over seeds lies with 95 %, rows being what they are; None, None with one seed."""
    if len(seeds) == 1:
        return None, None
    half = float(_half(1 - LEVEL, np.zeros(1), seeds[:, None])[0])
    return float(seeds.mean() - half), float(seeds.mean() + half)
