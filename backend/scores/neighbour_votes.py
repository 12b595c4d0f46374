"""What the rows around a row say of its target: how much they disagree, what they say, who contradicts it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from backend.data.targets.space import Space
from backend.scores.groups import Groups
from backend.scores.number_fit import shown_digits

APART = 0.5
"""Standard deviations by which numbers of near-duplicates must differ to contradict each other."""
_HALF = 0.5


class Contradiction(NamedTuple):
    """What speaks against the ``rows`` of a group that have one target.

    ``differing`` near-duplicates have another one; the most similar of these is ``by`` (-1: none), at this
    ``similarity``.
    """

    rows: np.ndarray
    differing: int
    by: int
    similarity: float


class Votes(Protocol):
    """The targets of n rows in ``groups`` of equal texts; each group is one neighbour with one vote."""

    groups: Groups
    group_of: np.ndarray

    def disagreement(self, rows: np.ndarray, others: np.ndarray, similarities: np.ndarray) -> np.ndarray:
        """How far the neighbours of ``rows`` are from their targets, weighted by similarity: float64 (r).

        From neighbouring groups and their similarities, both (r, k); NaN where nothing can be said.
        """

    def said(self, others: np.ndarray, similarities: np.ndarray) -> list[Any]:
        """What the neighbours of B groups say, from (B, k)."""

    def against(self, group: int, others: np.ndarray, similarities: np.ndarray) -> Iterator[Contradiction]:
        """By target of the group's rows, from its near-duplicate groups, the most similar first."""


class LabelVotes:
    """Targets are labels, int64 (n)."""

    def __init__(self, labels: np.ndarray, group_of: np.ndarray) -> None:
        self.labels, self.group_of, self.groups = labels, group_of, Groups(group_of, labels)

    def disagreement(self, rows: np.ndarray, others: np.ndarray, similarities: np.ndarray) -> np.ndarray:
        """Share of the votes that go to other labels; as many neighbours as the label has other groups."""
        heard = np.arange(others.shape[1]) < self.groups.with_same_label(rows)[:, None]
        weights = np.maximum(similarities, 0) * heard
        votes = 1 - self.groups.shares(others, self.labels[rows][:, None])
        with np.errstate(invalid="ignore"):
            return (weights * votes).sum(axis=1) / weights.sum(axis=1)

    def said(self, others: np.ndarray, similarities: np.ndarray) -> list[Any]:
        """The label with the largest sum of similarities, -1 where all are 0 or less; of two that tie, the
        nearer one's."""
        labels = self.labels[self.groups.first[others]]
        if not labels.shape[1]:
            return [-1] * len(labels)
        weights = np.maximum(similarities, 0).astype(np.float64)
        votes = ((labels[:, :, None] == labels[:, None, :]) * weights[:, None, :]).sum(axis=2)
        best = np.take_along_axis(labels, votes.argmax(axis=1)[:, None], axis=1)[:, 0]
        return np.where(votes.max(axis=1) > 0, best, -1).tolist()

    def against(self, group: int, others: np.ndarray, similarities: np.ndarray) -> Iterator[Contradiction]:
        """Rows with another label."""
        copies = self.groups.sizes[group]
        for label, same in self.groups.by_label(group):
            count = copies - len(same) + self.groups.with_another_label(others, label)
            yield Contradiction(same, count, *self._most_similar(label, group, others, similarities))

    def _most_similar(
        self, label: int, group: int, others: np.ndarray, similarities: np.ndarray
    ) -> tuple[int, float]:
        rows = self.groups.row_with_another_label(np.concatenate([[group], others]), label)
        place = int((rows >= 0).argmax())
        if rows[place] < 0:
            return -1, 0.0
        return int(rows[place]), 1.0 if place == 0 else float(similarities[place - 1])


class SetVotes(LabelVotes):
    """Targets are label sets, float32 (n, K); near-duplicates with another set contradict each other."""

    def __init__(self, space: Space, sets: np.ndarray, group_of: np.ndarray) -> None:
        _, codes = np.unique(np.packbits(sets > 0, axis=1), axis=0, return_inverse=True)
        super().__init__(codes.reshape(-1).astype(np.int64), group_of)
        self._space, self._sets = space, sets
        self._shares = _means(sets, self.groups, group_of)

    def disagreement(self, rows: np.ndarray, others: np.ndarray, similarities: np.ndarray) -> np.ndarray:
        """Mean Jaccard distance; from the sets' shares where copies of a text have several."""
        weights, total = np.maximum(similarities, 0), np.zeros(len(rows))
        for place in range(others.shape[1]):
            total += weights[:, place] * jaccard(self._sets[rows], self._shares[others[:, place]])
        with np.errstate(invalid="ignore"):
            return total / weights.sum(axis=1)

    def said(self, others: np.ndarray, similarities: np.ndarray) -> list[str]:
        """The labels that more than half of the votes are for; "" where no other row is similar at all."""
        weights, votes = np.maximum(similarities, 0), np.zeros((len(others), self._sets.shape[1]))
        for place in range(others.shape[1]):
            votes += weights[:, [place]] * self._shares[others[:, place]]
        total = weights.sum(axis=1)
        named = self._space.targets((votes > _HALF * total[:, None]).astype(np.float32))
        return [each if of > 0 else "" for each, of in zip(named, total.tolist(), strict=True)]


class NumberVotes:
    """Targets are numbers, float (n)."""

    def __init__(self, space: Space, numbers: np.ndarray, group_of: np.ndarray) -> None:
        self._space, self._numbers, self.group_of = space, numbers.astype(np.float64), group_of
        self.groups = Groups(group_of, np.unique(numbers, return_inverse=True)[1].astype(np.int64))
        self._means = _means(self._numbers[:, None], self.groups, group_of)[:, 0]
        self._spread = float(self._numbers.std()) or 1.0

    def disagreement(self, rows: np.ndarray, others: np.ndarray, similarities: np.ndarray) -> np.ndarray:
        """Distance of the number from the mean of the neighbours', in standard deviations of all numbers."""
        return np.abs(self._numbers[rows] - self._mean(others, similarities)) / self._spread

    def said(self, others: np.ndarray, similarities: np.ndarray) -> list[str]:
        """That mean; "" where no other row is similar at all."""
        means = self._mean(others, similarities)
        named = self._space.targets(np.round(np.nan_to_num(means), shown_digits(self._numbers)))
        return [each if known else "" for each, known in zip(named, np.isfinite(means), strict=True)]

    def against(self, group: int, others: np.ndarray, similarities: np.ndarray) -> Iterator[Contradiction]:
        """Rows whose number is more than `APART` standard deviations away."""
        parts = [self.groups.rows(range(each, each + 1)) for each in (group, *others.tolist())]
        rows = np.concatenate(parts)
        near = np.repeat(np.concatenate([[1.0], similarities]), [len(each) for each in parts])
        for _, same in self.groups.by_label(group):
            apart = np.abs(self._numbers[rows] - self._numbers[same[0]]) > APART * self._spread
            first = int(apart.argmax())
            by = (int(rows[first]), float(near[first])) if apart[first] else (-1, 0.0)
            yield Contradiction(same, int(apart.sum()), *by)

    def _mean(self, others: np.ndarray, similarities: np.ndarray) -> np.ndarray:
        weights = np.maximum(similarities, 0).astype(np.float64)
        with np.errstate(invalid="ignore"):
            return (weights * self._means[others]).sum(axis=1) / weights.sum(axis=1)


def jaccard(sets: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distance of label sets, or of shares of labels, float (n, K): 1 - least / most in sum, 0 of two empty
    ones: float64 (n)."""
    both = np.minimum(sets, others).sum(axis=1, dtype=np.float64)
    either = np.maximum(sets, others).sum(axis=1, dtype=np.float64)
    return 1 - np.divide(both, either, out=np.ones(len(both)), where=either > 0)


def _means(values: np.ndarray, groups: Groups, group_of: np.ndarray) -> np.ndarray:
    """The mean of each group's rows, in the dtype of values (n, K): (G, K)."""
    found = np.zeros((len(groups), values.shape[1]), dtype=values.dtype)
    np.add.at(found, group_of, values)
    return found / groups.sizes[:, None].astype(values.dtype)
