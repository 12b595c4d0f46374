"""A bound on masking: no class loses more than a share of its own, so that none dies out."""

from __future__ import annotations

import numpy as np


class ClassGuard:
    """Counts what was ``seen`` and ``masked`` of every class so far, int64 (C) each."""

    def __init__(self, classes: int, most: float) -> None:
        self._most = most
        self.seen, self.masked = np.zeros(classes, dtype=np.int64), np.zeros(classes, dtype=np.int64)

    def keep(self, labels: np.ndarray, alignments: np.ndarray, threshold: float) -> np.ndarray:
        """What stays: bool (B), of things with class indices int64 (B) and alignments float64 (B).

        What does not reach above the threshold goes; a class that has lost its share gets the best of its
        own back.
        """
        kept = alignments > threshold
        for label in np.unique(labels[~kept]):
            own = np.flatnonzero(labels == label)
            allowed = int(self._most * (self.seen[label] + len(own))) - int(self.masked[label])
            opposing = own[~kept[own]]
            worst_first = opposing[np.argsort(alignments[opposing], kind="stable")]
            kept[worst_first[max(allowed, 0) :]] = True
        np.add.at(self.seen, labels, 1)
        np.add.at(self.masked, labels[~kept], 1)
        return kept
