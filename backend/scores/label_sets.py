"""How well label sets fit what probes that never saw the row say of its text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SURE = 0.5  # probability from which on a label is said to be there
_LEAST = 1e-9


@dataclass(frozen=True)
class SetFit:
    """Of n rows with ``sets`` float (n, K) and out-of-fold ``probabilities`` of labels, float64 (n, K)."""

    sets: np.ndarray
    probabilities: np.ndarray

    @property
    def lifts(self) -> np.ndarray:
        """Bits by which the text makes each label likelier than it is in all rows: float64 (n, K)."""
        share = np.maximum(self.sets.mean(axis=0, dtype=np.float64), _LEAST)
        return np.log2(np.maximum(self.probabilities, _LEAST)) - np.log2(share)

    @property
    def least(self) -> tuple[np.ndarray, np.ndarray]:
        """The label of each row that fits least, int64 (n), -1 for none, and its lift, float64 (n).

        To have none counts as a label of its own, as likely as that each single one is not there.
        """
        own = np.where(self.sets > 0, self.lifts, np.inf)
        none = ~(self.sets > 0).any(axis=1)
        return np.where(none, -1, own.argmin(axis=1)), np.where(none, self._lift_of_none, own.min(axis=1))

    @property
    def _lift_of_none(self) -> np.ndarray:
        share = np.maximum((~(self.sets > 0).any(axis=1)).mean(), _LEAST)
        return np.log2(np.maximum(1 - self.probabilities, _LEAST)).sum(axis=1) - np.log2(share)

    @property
    def surprise(self) -> np.ndarray:
        """``log2 p(l) / p(l | text)`` of the label that fits least: bits, float64 (n)."""
        return -self.least[1]

    @property
    def missing(self) -> tuple[np.ndarray, np.ndarray]:
        """The likeliest label that each row lacks, int64 (n), -1 for none; its probability, 0 for none."""
        lacking = np.where(self.sets > 0, -1.0, self.probabilities)
        full = (self.sets > 0).all(axis=1)
        return np.where(full, -1, lacking.argmax(axis=1)), np.where(full, 0.0, lacking.max(axis=1))

    def suggested(self) -> tuple[np.ndarray, np.ndarray]:
        """The sets that the probes are sure of, float32 (n, K), and how sure they are, float64 (n).

        Labels that are likelier there than not are added; those that are not, and that the text makes less
        likely than they are in all rows, taken away. How sure: the least probability of a change, NaN where
        nothing changes or no label would be left.
        """
        given = self.sets > 0
        added = ~given & (self.probabilities >= SURE)
        gone = given & (self.probabilities < SURE) & (self.lifts < 0)
        found = (given | added) & ~gone
        chances = np.where(added, self.probabilities, np.where(gone, 1 - self.probabilities, np.inf))
        sure = chances.min(axis=1)
        known = np.isfinite(sure) & found.any(axis=1)
        return np.where(known[:, None], found, given).astype(np.float32), np.where(known, sure, np.nan)
