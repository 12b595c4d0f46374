"""Figures of numbers: Spearman's correlation, mean absolute error, R2, mean loss, mean absolute error by
stratum and by group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.data.targets.number_space import as_target
from backend.tasks.regression import TASK
from backend.trials.row_moves import rank_correlation, ratio_moves
from backend.trials.statistics import Family, Groups, Measure, Runs, signed


class NumberMeasure(Measure):
    """``truth`` float64 (n); ``strata`` int64 (n): rows of numbers that are near each other."""

    one_answer = "one number"
    group_figure = "mean absolute error"

    def __init__(self, truth: np.ndarray, strata: np.ndarray, groups: Sequence[str] | None) -> None:
        self._truth = truth
        self._apart = (self._truth - self._truth.mean()) ** 2
        self._strata = Groups([f"{each:03}" for each in strata.tolist()])
        names = [f"mae/{_range(self._truth[strata == int(each)])}" for each in self._strata.sizes]
        plain = Family.of_all("spearman", "mae", "r2", "loss")
        super().__init__([plain, Family(names, len(names), self._strata.counts)], Groups(groups))

    def figures(self, outputs: np.ndarray) -> np.ndarray:
        """From values (n, 1). R2 is NaN where all rows have the same number."""
        said, absolute, loss = self._judged(outputs)
        spread = self._apart.sum()
        plain = [
            rank_correlation(self._truth, said)[0],
            absolute.mean(),
            1 - loss.sum() / spread if spread else np.nan,
            loss.mean(),
        ]
        return np.concatenate([plain, self._strata.means(absolute), self._groups.means(absolute)])

    def right(self, outputs: np.ndarray) -> None:
        """No row is right or wrong."""
        return None

    def says_one_thing(self, outputs: np.ndarray) -> bool:
        """Numbers that hardly differ: by less than a hundredth of what the given ones do."""
        return bool(TASK.predicted(outputs).std() < 0.01 * self._truth.std())

    def row_errors(self, runs: Runs, reference: Runs) -> np.ndarray:
        """All in closed form. (The divisor of R2 is least at the mean of the rows, so that the mean's own
        move does not count.)"""
        count = len(self._truth)
        absolute, loss, ranks, fit = (np.zeros(count) for _ in range(4))
        for outputs, sign in signed(runs, reference):
            said, off, squares = self._judged(outputs)
            absolute += sign * off
            loss += sign * squares
            ranks += sign * rank_correlation(self._truth, said)[1]
            fit += sign * ratio_moves(squares, self._apart)
        plain = [(ranks**2).sum(), absolute.var() / count, (fit**2).sum(), loss.var() / count]
        return np.sqrt(
            np.concatenate([plain, self._strata.squares(absolute), self._groups.squares(absolute)])
        )

    def _judged(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of every row: the value, its absolute error and its loss."""
        said = TASK.predicted(outputs).astype(np.float64)
        return said, np.abs(said - self._truth), TASK.losses_of(outputs, self._truth)


def _range(values: np.ndarray) -> str:
    """1.5 to 3; a single number alone."""
    low, high = as_target(float(values.min())), as_target(float(values.max()))
    return low if low == high else f"{low} to {high}"
