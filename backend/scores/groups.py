"""Rows in groups of equal texts, with the labels that each group has."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


class Groups:
    """Groups numbered 0 to G - 1, from the group and the label of every row, both int64 (n).

    ``first`` int64 (G): the first row of each; ``sizes`` int64 (G).
    """

    def __init__(self, group_of: np.ndarray, labels: np.ndarray) -> None:
        self._labels = labels
        self._order = np.argsort(group_of, kind="stable")
        self.sizes = np.bincount(group_of)
        self._ends = np.cumsum(self.sizes)
        self.first = self._order[self._ends - self.sizes]
        self._classes = int(labels.max()) + 1
        self._keys, self._counts = np.unique(group_of * self._classes + labels, return_counts=True)
        self._other = self._first_with_another_label(group_of)

    def __len__(self) -> int:
        return len(self.sizes)

    def rows(self, groups: range) -> np.ndarray:
        """The rows of consecutive groups: int64, group by group."""
        return self._order[self._ends[groups.start] - self.sizes[groups.start] : self._ends[groups.stop - 1]]

    def by_label(self, group: int) -> Iterator[tuple[int, np.ndarray]]:
        """The labels of a group, each with its rows."""
        rows = self.rows(range(group, group + 1))
        for label in np.unique(self._labels[rows]).tolist():
            yield label, rows[self._labels[rows] == label]

    def shares(self, groups: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Which share of each group's rows has the label beside it: float64, in the shape of both."""
        keys = groups * self._classes + labels
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        counts = np.where(self._keys[places] == keys, self._counts[places], 0)
        return counts / self.sizes[groups]

    def with_another_label(self, groups: np.ndarray, label: int) -> int:
        """How many rows of these groups have another label."""
        same = self.shares(groups, np.full(len(groups), label)) * self.sizes[groups]
        return int(self.sizes[groups].sum() - round(float(same.sum())))

    def with_same_label(self, rows: np.ndarray) -> np.ndarray:
        """How many groups other than its own hold a row of the label of each of ``rows``: int64 (rows)."""
        holding = np.bincount(self._keys % self._classes, minlength=self._classes)
        return holding[self._labels[rows]] - 1

    def row_with_another_label(self, groups: np.ndarray, label: int) -> np.ndarray:
        """The first row of each group whose label is not ``label``, -1 where there is none: int64."""
        first = self.first[groups]
        return np.where(self._labels[first] != label, first, self._other[groups])

    def _first_with_another_label(self, group_of: np.ndarray) -> np.ndarray:
        """The first row of each group that differs in label from the group's first row: int64 (G), or -1."""
        found = np.full(len(self), -1, dtype=np.int64)
        differing = np.flatnonzero(self._labels != self._labels[self.first[group_of]])[::-1]
        found[group_of[differing]] = differing  # the last write counts: the first row
        return found
