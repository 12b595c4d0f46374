"""How an arm's figures differ from another's, with intervals that know both kinds of chance.

Two things vary: the seed of the training and the eval rows that happen to be there. Intervals come from one
bootstrap over both: rows drawn with replacement, the same for both arms, and pairs of runs with the same seed
drawn with replacement (a crossed bootstrap). With few seeds the seeds' part is known badly; that every seed
agrees in sign is therefore asked for beside the interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

DRAWS = 2000
_AT_ONCE = 100
LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """``mean`` over seeds of a figure's difference, its 95 % interval (``low``, ``high``), and one per seed.

    ``beyond_noise``: the interval excludes 0 and all seeds, two at least, agree in sign.
    """

    mean: float
    low: float
    high: float
    seeds: list[float]

    @property
    def beyond_noise(self) -> bool:
        """See above."""
        signs = {np.sign(each) for each in self.seeds}
        return len(self.seeds) > 1 and (self.low > 0 or self.high < 0) and len(signs) == 1


@dataclass(frozen=True)
class Figures:
    """Figures of S runs on n rows: ``values`` (S, f) and their names."""

    names: tuple[str, ...]
    values: np.ndarray


class Measure:
    """Accuracy, macro-F1, mean loss, F1 and recall of every class, and accuracy of every group.

    All are functions of sums over rows, so resampled rows are weights. ``truth`` int64 (n).
    """

    def __init__(self, truth: np.ndarray, classes: tuple[str, ...], groups: list[str] | None) -> None:
        self._truth, self._classes = truth, classes
        self._one_hot = np.eye(len(classes))[truth]
        groups = groups if len(set(groups or ())) > 1 else None
        names = sorted(set(groups or ()))
        of_row = np.array([names.index(each) for each in groups], dtype=np.int64) if groups else None
        self._groups = np.empty((len(truth), 0)) if of_row is None else np.eye(len(names))[of_row]
        self.names = (
            "accuracy",
            "macro_f1",
            "loss",
            *(f"f1/{name}" for name in classes),
            *(f"recall/{name}" for name in classes),
            *(f"group/{name or '(none)'}" for name in names),
        )

    def figures(self, probabilities: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """All figures of one run: float64 (b, f), from probabilities (n, K) and row weights (b, n) or ones.

        A class without a row counts for macro-F1 only where some row is predicted to be of it; its own
        figures, and those of a group without a row, are NaN.
        """
        count, every = len(self._truth), len(self._classes)
        weights = np.ones((1, count)) if weights is None else weights
        predicted = probabilities.argmax(axis=1)
        right = (predicted == self._truth).astype(np.float64)
        own = probabilities[np.arange(count), self._truth].astype(np.float64)
        hits = weights @ (self._one_hot * right[:, None])
        real = weights @ self._one_hot
        said = weights @ np.eye(every)[predicted]
        with np.errstate(invalid="ignore", divide="ignore"):
            f1 = 2 * hits / (real + said)
            recall = hits / real
            by_group = (weights @ (self._groups * right[:, None])) / (weights @ self._groups)
            macro = np.nansum(f1, axis=1) / np.maximum((real + said > 0).sum(axis=1), 1)
            total = weights.sum(axis=1)
            plain = np.stack(
                [weights @ right / total, macro, weights @ -np.log(np.maximum(own, 1e-30)) / total]
            )
        f1 = np.where(real > 0, f1, np.nan)
        return np.concatenate([plain.T, f1, recall, by_group], axis=1)

    def over_seeds(self, runs: list[np.ndarray]) -> np.ndarray:
        """Figures of every run: (S, f)."""
        return np.concatenate([self.figures(each) for each in runs])

    def differences(
        self, runs: list[np.ndarray], reference: list[np.ndarray], seed: int = 0
    ) -> dict[str, Difference]:
        """Of every figure; runs of the same place have the same seed."""
        per_seed = self.over_seeds(runs) - self.over_seeds(reference)
        drawn = np.concatenate(list(self._drawn(runs, reference, np.random.default_rng(seed))))
        found = {}
        for number, name in enumerate(self.names):
            known = drawn[:, number][np.isfinite(drawn[:, number])]
            values = per_seed[:, number]
            if len(known) and np.isfinite(values).all():
                low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
                found[name] = Difference(float(values.mean()), float(low), float(high), values.tolist())
        return found

    def _drawn(
        self, runs: list[np.ndarray], reference: list[np.ndarray], random: np.random.Generator
    ) -> Iterator[np.ndarray]:
        """Mean differences in resampled worlds: (draws, f), some at a time."""
        count, seeds = len(self._truth), len(runs)
        for start in range(0, DRAWS, _AT_ONCE):
            draws = min(_AT_ONCE, DRAWS - start)
            rows = random.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)
            of_seed = random.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws) / seeds
            apart = [
                self.figures(one, rows) - self.figures(other, rows)
                for one, other in zip(runs, reference, strict=True)
            ]
            yield np.einsum("bs,sbf->bf", of_seed, np.stack(apart))


@dataclass(frozen=True)
class Flips:
    """Eval rows (places among those measured) that most seeds had wrong and now have right, and the reverse.

    ``by_chance``: how many rows change sides between one run of the reference and another, mean over pairs;
    None with one seed.
    """

    fixed: list[int]
    broken: list[int]
    by_chance: float | None


def flips(runs: list[np.ndarray], reference: list[np.ndarray], truth: np.ndarray) -> Flips:
    """By the probabilities of all seeds averaged."""
    after, before = (np.mean(each, axis=0).argmax(axis=1) == truth for each in (runs, reference))
    single = [each.argmax(axis=1) == truth for each in reference]
    pairs = [float((one != other).sum()) for place, one in enumerate(single) for other in single[place + 1 :]]
    return Flips(
        np.flatnonzero(after & ~before).tolist(),
        np.flatnonzero(before & ~after).tolist(),
        float(np.mean(pairs)) if pairs else None,
    )
