"""Figures of any task, as the task tells them: row errors from redrawn eval rows, for want of formulas."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.data.targets.space import Space
from backend.tasks.registry import task_named
from backend.trials.statistics import Family, Groups, Measure, Runs, signed

DRAWS = 200
"""Standard errors from so many draws are right within 5 % (one standard deviation)."""


class RedrawnMeasure(Measure):
    """`Task.figures` and the mean loss, by group the mean loss; `DRAWS` times the figures of all runs."""

    one_answer = "the same"
    group_figure = "mean loss"

    def __init__(self, space: Space, targets: Sequence[str], groups: Sequence[str] | None) -> None:
        self._space, self._task = space, task_named(space.task)
        self._targets = np.array(targets, dtype=object)
        self._numbers = space.numbers(targets)
        names = [name for name, _, _ in self._task.figure_names]
        super().__init__([Family.of_all(*names, "loss")], Groups(groups))

    def figures(self, outputs: np.ndarray) -> np.ndarray:
        """The task's own, in its order."""
        loss = self._task.losses_of(outputs, self._numbers)
        every = np.arange(len(outputs))
        return np.concatenate([self._of(outputs, every), [loss.mean()], self._groups.means(loss)])

    def right(self, outputs: np.ndarray) -> np.ndarray | None:
        """As the task judges."""
        return self._task.judge(self._space, outputs, self._targets.tolist()).correct

    def says_one_thing(self, outputs: np.ndarray) -> bool:
        """The same outputs for all rows."""
        return bool((outputs == outputs[0]).all())

    def row_errors(self, runs: Runs, reference: Runs) -> np.ndarray:
        """A bootstrap over eval rows; the same draws for all runs."""
        random, count = np.random.default_rng(0), len(self._targets)
        drawn = []
        for _ in range(DRAWS):
            rows = random.integers(0, count, count)
            parts = [sign * self._of(each[rows], rows) for each, sign in signed(runs, reference)]
            drawn.append(np.sum(parts, axis=0))
        loss = np.zeros(count)
        for outputs, sign in signed(runs, reference):
            loss += sign * self._task.losses_of(outputs, self._numbers)
        of_loss = np.sqrt([loss.var() / count, *self._groups.squares(loss)])
        # A draw may hold no row that a figure needs.
        spread = np.ma.masked_invalid(drawn).std(axis=0, ddof=1)
        return np.concatenate([np.ma.filled(spread, np.nan), of_loss])

    def _of(self, outputs: np.ndarray, rows: np.ndarray) -> np.ndarray:
        figures = self._task.figures(self._space, outputs, self._targets[rows].tolist())
        return np.array([each.value for each in figures])
