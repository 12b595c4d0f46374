"""How good predictions are, class by class, and whether the model has learnt anything at all.

From labels and predicted classes alone, so it serves a run of our own and an attached one alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

SLIGHT = 0.2
"""Agreement beyond chance up to which it is called slight (Landis and Koch 1977)."""
MATRIX = 30
"""Classes up to which a confusion matrix can be read."""
_MOST_CONFUSED = 20  # pairs of classes
_SURE = 1.645  # standard errors: one-sided 5 %
_ENOUGH = 5  # rows of a class from which on it counts that it is never predicted


@dataclass(frozen=True)
class ClassFigures:
    """One class: ``support`` rows have it as label, ``predicted`` rows were given it.

    ``precision`` is None for a class that is never predicted, ``recall`` for one without rows; ``f1`` is 0
    where nothing of the class was found, None for a class that is neither there nor predicted.
    """

    name: str
    support: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float | None

    @classmethod
    def counted(cls, name: str, hits: int, support: int, predicted: int) -> ClassFigures:
        """From how many rows have it, were given it, and both."""
        return cls(
            name,
            support,
            predicted,
            hits / predicted if predicted else None,
            hits / support if support else None,
            2 * hits / (support + predicted) if support + predicted else None,
        )


@dataclass(frozen=True)
class Confusion:
    """``count`` rows with label ``label`` were predicted as ``predicted``: ``share`` of the label's rows."""

    label: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True)
class Figures:
    """Figures of one split. ``confusion`` int64 (K, K): rows by label, columns by predicted class."""

    classes: tuple[str, ...]
    confusion: np.ndarray

    @cached_property
    def rows(self) -> int:
        """How many rows were predicted."""
        return int(self.confusion.sum())

    @cached_property
    def accuracy(self) -> float:
        """Share of rows whose predicted class is their label; NaN without rows."""
        return float(np.trace(self.confusion) / self.rows) if self.rows else math.nan

    @cached_property
    def majority_class(self) -> str:
        """The class of most rows, the first of equals."""
        return self.classes[int(self.confusion.sum(axis=1).argmax())]

    @cached_property
    def majority(self) -> float:
        """The accuracy of always saying that class; NaN without rows."""
        return float(self.confusion.sum(axis=1).max() / self.rows) if self.rows else math.nan

    @cached_property
    def per_class(self) -> list[ClassFigures]:
        """One entry per class, in model order."""
        right, support, predicted = (
            np.diagonal(self.confusion).tolist(),
            self.confusion.sum(axis=1).tolist(),
            self.confusion.sum(axis=0).tolist(),
        )
        return [
            ClassFigures.counted(name, found, there, said)
            for name, found, there, said in zip(self.classes, right, support, predicted, strict=True)
        ]

    @cached_property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that have rows, each counted alike; NaN without rows."""
        scores = [each.f1 for each in self.per_class if each.support and each.f1 is not None]
        return float(np.mean(scores)) if scores else math.nan

    @cached_property
    def kappa(self) -> float:
        """Cohen's kappa: agreement beyond that of chance, 0 for a model that always says one class."""
        expected = self._expected
        return (self.accuracy - expected) / (1 - expected) if expected < 1 else 0.0

    @cached_property
    def kappa_error(self) -> float:
        """Standard error of kappa if predictions had nothing to do with labels (Fleiss et al. 1969).

        Infinite without rows, and where chance alone would agree always.
        """
        expected, there, said = self._expected, self._there, self._said
        if not self.rows or not expected < 1:
            return math.inf
        variance = expected + expected**2 - float((there * said * (there + said)).sum())
        return math.sqrt(max(variance, 0.0)) / ((1 - expected) * math.sqrt(self.rows))

    @cached_property
    def never_predicted(self) -> list[str]:
        """Classes with rows that were given to none."""
        return [each.name for each in self.per_class if each.support and not each.predicted]

    def most_confused(self, count: int) -> list[Confusion]:
        """Pairs of label and wrong class that occur, those of most rows first."""
        wrong = self.confusion.copy()
        np.fill_diagonal(wrong, 0)
        support = self.confusion.sum(axis=1)
        order = np.argsort(-wrong, axis=None, kind="stable")[:count]
        places = [divmod(place, len(self.classes)) for place in order.tolist()]
        return [
            Confusion(
                self.classes[label],
                self.classes[said],
                int(wrong[label, said]),
                float(wrong[label, said] / support[label]),
            )
            for label, said in places
            if wrong[label, said]
        ]

    def counts(self) -> list[list[int]]:
        """Label, predicted class (both as places in ``classes``) and rows of every pair that occurs."""
        labels, predicted = np.nonzero(self.confusion)
        return np.stack([labels, predicted, self.confusion[labels, predicted]], axis=1).tolist()

    @classmethod
    def of_counts(cls, counts: Sequence[Sequence[int]], classes: Sequence[str]) -> Figures:
        """What `counts` was made from. Raises `ValueError` for what it can't have made."""
        if any(not 0 <= each < len(classes) for row in counts for each in row[:2]) or any(
            not 0 <= rows < 2**62 for *_, rows in counts
        ):
            raise ValueError("places and counts must be such")
        confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
        for label, predicted, rows in counts:
            confusion[label, predicted] = rows
        return cls(tuple(classes), confusion)

    def to_json(self) -> dict[str, Any]:
        """All figures, ready for JSON; the matrix of many classes as its largest errors alone."""
        confused = [vars(each) for each in self.most_confused(_MOST_CONFUSED)]
        matrix = {"confusion": self.confusion.tolist()} if len(self.classes) <= MATRIX else {}
        return {
            "rows": self.rows,
            "accuracy": _known(self.accuracy),
            "majority_class": self.majority_class,
            "majority_share": _known(self.majority),
            "macro_f1": _known(self.macro_f1),
            "kappa": _known(self.kappa),
            "never_predicted": self.never_predicted,
            "per_class": [vars(each) for each in self.per_class],
            "most_confused": confused,
            **matrix,
        }

    @cached_property
    def _there(self) -> np.ndarray:
        return self.confusion.sum(axis=1) / max(self.rows, 1)

    @cached_property
    def _said(self) -> np.ndarray:
        return self.confusion.sum(axis=0) / max(self.rows, 1)

    @cached_property
    def _expected(self) -> float:
        """Agreement of independent draws from both distributions."""
        return float((self._there * self._said).sum())


def figures_of(
    labels: Sequence[int] | np.ndarray, predicted: Sequence[int] | np.ndarray, classes: Sequence[str]
) -> Figures:
    """Figures of n predictions; ``labels`` and ``predicted`` (n) are places in ``classes`` (K)."""
    size = len(classes)
    pairs = np.asarray(labels, dtype=np.int64) * size + np.asarray(predicted, dtype=np.int64)
    return Figures(tuple(classes), np.bincount(pairs, minlength=size * size).reshape(size, size))


def has_hardly_learnt(figures: Figures) -> str | None:
    """Why a model's answers mean nothing yet, in one line; None where it has learnt, or nothing can be said.

    It has hardly learnt if its agreement with the labels beyond chance (kappa, which is 0 for always saying
    one class, however large that is) is slight or not surely there, or if a third of the classes or more,
    of those with at least five rows, are never predicted. Nothing can be said without rows, or where all
    rows have the same label.
    """
    support = {each.name: each.support for each in figures.per_class if each.support}
    if len(support) < 2:
        return None
    beside = (
        f"accuracy {figures.accuracy:.1%} on {figures.rows:,} eval rows, always saying the largest class "
        f"gives {figures.majority:.1%}; macro-F1 {figures.macro_f1:.2f}"
    )
    if figures.kappa < SLIGHT:
        return beside
    if figures.kappa < _SURE * figures.kappa_error:
        return f"{beside}: on so few rows that may be chance"
    counted = [name for name, count in support.items() if count >= _ENOUGH]
    never = [name for name in figures.never_predicted if support[name] >= _ENOUGH]
    if never and 3 * len(never) >= len(counted):
        return f"{len(never):,} of {len(counted):,} classes are never predicted; {beside}"
    return None


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
