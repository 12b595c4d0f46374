"""How an arm's figures differ from another's, with intervals that know both kinds of chance.

Two things vary: the seed of the training and the eval rows that happen to be there. An interval adds both
in squares: the rows' part is 1.96 standard errors of the difference averaged over seeds, the seeds' part
Student's quantile with S - 1 degrees of freedom times the standard error of S differences. (Drawing three
seeds with replacement would take the smallest alone once in 27 times, so that "all three agree" would look
like 95 %.) What is due to rows and seeds together counts in both parts: intervals are rather too wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

LEVEL = 0.95
LEAST = 10
"""A class or group with fewer eval rows is never called beyond noise: the rows' part is not known then."""


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


class Measure:
    """Accuracy, macro-F1, mean loss, F1 and recall of every class, and accuracy of every group.

    ``truth`` int64 (n). ``sizes``: eval rows of every group, if there are several.
    """

    def __init__(self, truth: np.ndarray, classes: tuple[str, ...], groups: Sequence[str] | None) -> None:
        self._truth, self._every = truth, len(classes)
        self._of_class = np.bincount(truth, minlength=self._every).astype(float)
        found = [each or "(none)" for each in groups or ()]
        places = {name: place for place, name in enumerate(sorted(set(found)))}
        places = places if len(places) > 1 else {}
        self._group = np.array([places[each] for each in found] if places else [], dtype=np.int64)
        of_group = np.bincount(self._group, minlength=len(places))
        self.sizes: dict[str, int] = dict(zip(places, of_group.tolist(), strict=True))
        self.names = (
            *("accuracy", "macro_f1", "loss"),
            *(f"f1/{name}" for name in classes),
            *(f"recall/{name}" for name in classes),
            *(f"group/{name}" for name in self.sizes),
        )
        every = self._every
        # How many figures one table shows, so how often chance has its try, and the rows behind each.
        self._family = np.repeat([1, every, len(of_group)], [3, 2 * every, len(of_group)])
        self._rows = np.concatenate([np.full(3, np.inf), self._of_class, self._of_class, of_group])

    def figures(self, probabilities: np.ndarray) -> np.ndarray:
        """All figures of one run: float64 (f), from probabilities (n, K).

        A class without a row counts for macro-F1 only where some row is predicted to be of it; its own
        figures are NaN.
        """
        predicted, right, loss = self._judged(probabilities)
        f1, counted = self._f1(predicted, right)
        plain = [right.mean(), f1[counted > 0].mean(), loss.mean()]
        f1 = np.where(self._of_class > 0, f1, np.nan)
        return np.concatenate([plain, f1, self._by_class(right), self._by_group(right)])

    def over_seeds(self, runs: list[np.ndarray]) -> np.ndarray:
        """Figures of every run: (S, f)."""
        return np.stack([self.figures(each) for each in runs])

    def differences(self, runs: list[np.ndarray], reference: list[np.ndarray]) -> dict[str, Difference]:
        """Of every figure; runs of the same place have the same seed."""
        per_seed = self.over_seeds(runs) - self.over_seeds(reference)
        mean, rows = per_seed.mean(axis=0), self._row_errors(runs, reference)
        half = _half(1 - LEVEL, rows, per_seed)
        beyond = (np.abs(mean) > _half((1 - LEVEL) / self._family, rows, per_seed)) & (self._rows >= LEAST)
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

    def _judged(self, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of every row: the class predicted, whether it is right (0 or 1), and the loss."""
        predicted = probabilities.argmax(axis=1)
        own = probabilities[np.arange(len(self._truth)), self._truth].astype(np.float64)
        return predicted, (predicted == self._truth).astype(np.float64), -np.log(np.maximum(own, 1e-30))

    def _f1(self, predicted: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F1 of every class, and how many rows are or are said to be of it."""
        hits = np.bincount(self._truth, right, self._every)
        counted = self._of_class + np.bincount(predicted, minlength=self._every)
        return 2 * hits / np.maximum(counted, 1), counted

    def _by_class(self, values: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.bincount(self._truth, values, self._every) / self._of_class

    def _by_group(self, values: np.ndarray) -> np.ndarray:
        sizes = np.array(list(self.sizes.values()), dtype=float)
        return np.bincount(self._group, values, len(sizes)) / sizes if self.sizes else sizes

    def _row_errors(self, runs: list[np.ndarray], reference: list[np.ndarray]) -> np.ndarray:
        """Standard errors, over eval rows, of the differences averaged over seeds: (f), by linearisation.

        A figure moves by g per unit of a row's weight; its variance is the sum of all g squared.
        """
        count, share = len(self._truth), 1 / len(runs)
        right, loss, macro = np.zeros(count), np.zeros(count), np.zeros(count)
        moves = _Moves(count, self._every)
        for probabilities, sign in [*((e, share) for e in runs), *((e, -share) for e in reference)]:
            predicted, hit, lost = self._judged(probabilities)
            right += sign * hit
            loss += sign * lost
            f1, counted = self._f1(predicted, hit)
            own = (2 * hit - f1[self._truth]) / counted[self._truth]
            said = -f1[predicted] / counted[predicted]
            macro += sign * (own + said) / (counted > 0).sum()
            moves.add(self._truth, sign * own)
            moves.add(predicted, sign * said)
        by_class = self._by_class(right)[self._truth]
        squares = (right - by_class) ** 2
        recall = self._by_class(squares) / self._of_class.clip(1)
        groups = np.empty(0)
        if self.sizes:
            apart = right - self._by_group(right)[self._group]
            groups = self._by_group(apart**2) / list(self.sizes.values())
        plain = [right.var() / count, (macro**2).sum(), loss.var() / count]
        return np.sqrt(np.concatenate([plain, moves.squares(), recall, groups]))


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


def flips(runs: list[np.ndarray], reference: list[np.ndarray], truth: np.ndarray) -> Flips:
    """By the vote of the seeds: a row that just half of them have right is on neither side."""
    after, before = (
        np.stack([each.argmax(axis=1) == truth for each in of_arm]) for of_arm in (runs, reference)
    )
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
