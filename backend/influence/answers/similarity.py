"""Baselines that compare texts, not gradients: a similarity times an agreement, for all training examples."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from backend.influence.answers.agreement import AGREEMENTS, agreement
from backend.influence.answers.method import Asked
from backend.influence.answers.scanned import Scanned


class Similarity(Scanned):
    """A similarity of texts (n), times how the examples agree in their effect on the outputs."""

    scores: tuple[str, ...] = AGREEMENTS

    @abstractmethod
    def similarities(self, asked: Asked) -> np.ndarray:
        """Similarity of every training example to the query: float64 (n)."""

    def all_scores(self, asked: Asked) -> np.ndarray:
        """Similarity times agreement."""
        return self.similarities(asked) * agreement(asked, asked.score)
