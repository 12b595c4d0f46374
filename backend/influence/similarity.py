"""Baselines that compare texts, not gradients: a similarity times an agreement, for all training examples."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from backend.influence.agreement import AGREEMENTS, agreement
from backend.influence.explanation import Entry
from backend.influence.method import Asked, Found, Method
from backend.influence.plain_entries import plain_entries
from backend.influence.search import Ranked, Ranking


class Similarity(Method):
    """A similarity of texts (n), times how the examples agree in their effect on the outputs."""

    scores: tuple[str, ...] = AGREEMENTS

    @abstractmethod
    def similarities(self, asked: Asked) -> np.ndarray:
        """Similarity of every training example to the query: float64 (n)."""

    def terms(self, asked: Asked, positions: np.ndarray) -> list[dict[str, float]] | None:
        """The part of each example's similarity that each shared word carries; None where it has no words."""
        return None

    def all_scores(self, asked: Asked) -> np.ndarray:
        """Similarity times agreement."""
        return self.similarities(asked) * agreement(asked, asked.score)

    def find(self, asked: Asked) -> Found:
        """Everything is scored."""
        scores = self.all_scores(asked)
        own = None if asked.own is None else float(scores[asked.own])
        if asked.own is not None:
            scores[asked.own] = 0.0
        return Found(Ranking.by_scores(scores, asked.k), own, True)

    def entries(
        self,
        asked: Asked,
        found: Found,
        ranked: Ranked,
        ranks: Sequence[int],
        percentiles: Sequence[float],
    ) -> list[Entry]:
        """Shared words as the similarity counts them, in proportion."""
        return plain_entries(asked, ranked, ranks, percentiles, self.terms(asked, ranked.positions))
