"""Figures of classification: accuracy, macro-F1, mean loss, F1 and recall by class, accuracy by group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.tasks.classification import TASK
from backend.trials.statistics import Family, Groups, Measure, Runs, signed


class ClassMeasure(Measure):
    """``truth`` int64 (n)."""

    one_answer = "one class"
    group_figure = "accuracy"

    def __init__(self, truth: np.ndarray, classes: Sequence[str], groups: Sequence[str] | None) -> None:
        self._truth, self._every = truth, len(classes)
        self._of_class = np.bincount(truth, minlength=self._every).astype(float)
        names = [f"{figure}/{name}" for figure in ("f1", "recall") for name in classes]
        of_classes = Family(names, self._every, np.tile(self._of_class, 2))
        super().__init__([Family.of_all("accuracy", "macro_f1", "loss"), of_classes], Groups(groups))

    def figures(self, outputs: np.ndarray) -> np.ndarray:
        """From probabilities; of a class without a row NaN.

        It counts for macro-F1 only where some row is predicted to be of it.
        """
        predicted, right, loss = self._judged(outputs)
        f1, counted = self._f1(predicted, right)
        plain = [right.mean(), f1[counted > 0].mean(), loss.mean()]
        f1 = np.where(self._of_class > 0, f1, np.nan)
        return np.concatenate([plain, f1, self._by_class(right), self._groups.means(right)])

    def right(self, outputs: np.ndarray) -> np.ndarray:
        """The most probable class is the given one."""
        return TASK.predicted(outputs) == self._truth

    def says_one_thing(self, outputs: np.ndarray) -> bool:
        """One class for all rows."""
        return self._every > 1 and len(np.unique(TASK.predicted(outputs))) == 1

    def row_errors(self, runs: Runs, reference: Runs) -> np.ndarray:
        """All in closed form."""
        count = len(self._truth)
        right, loss, macro = np.zeros(count), np.zeros(count), np.zeros(count)
        moves = _Moves(count, self._every)
        for outputs, sign in signed(runs, reference):
            predicted, hit, lost = self._judged(outputs)
            right += sign * hit
            loss += sign * lost
            f1, counted = self._f1(predicted, hit)
            own = (2 * hit - f1[self._truth]) / counted[self._truth]
            said = -f1[predicted] / counted[predicted]
            macro += sign * (own + said) / (counted > 0).sum()
            moves.add(self._truth, sign * own)
            moves.add(predicted, sign * said)
        by_class = self._by_class(right)[self._truth]
        recall = self._by_class((right - by_class) ** 2) / self._of_class.clip(1)
        plain = [right.var() / count, (macro**2).sum(), loss.var() / count]
        return np.sqrt(np.concatenate([plain, moves.squares(), recall, self._groups.squares(right)]))

    def _judged(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of every row: the class predicted, whether it is right (0 or 1), and the loss."""
        predicted = TASK.predicted(outputs)
        return predicted, (predicted == self._truth).astype(np.float64), TASK.losses_of(outputs, self._truth)

    def _f1(self, predicted: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F1 of every class, and how many rows are or are said to be of it."""
        hits = np.bincount(self._truth, right, self._every)
        counted = self._of_class + np.bincount(predicted, minlength=self._every)
        return 2 * hits / np.maximum(counted, 1), counted

    def _by_class(self, values: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.bincount(self._truth, values, self._every) / self._of_class


class _Moves:
    """Sums of what rows do to classes: a few of all pairs, which as a table would not fit into memory."""

    def __init__(self, rows: int, classes: int) -> None:
        self._pairs, self._values = [np.empty(0, dtype=np.int64)], [np.empty(0)]
        self._rows, self._classes = np.arange(rows), classes

    def add(self, classes: np.ndarray, values: np.ndarray) -> None:
        """What every row does to the class that is given for it."""
        self._pairs.append(self._rows * self._classes + classes)
        self._values.append(values)

    def squares(self) -> np.ndarray:
        """Of every class, the sum over rows of squares."""
        pairs, place = np.unique(np.concatenate(self._pairs), return_inverse=True)
        totals = np.bincount(place, np.concatenate(self._values), len(pairs))
        return np.bincount(pairs % self._classes, totals**2, self._classes)
