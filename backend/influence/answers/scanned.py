"""Methods that score every training example for a question: no index, no shortlist."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.influence.answers.explanation import Entry
from backend.influence.answers.method import Asked, Found, Method
from backend.influence.answers.plain_entries import plain_entries
from backend.influence.answers.ranking import Ranked, Ranking


class Scanned(Method):
    """Ranks what `all_scores` gives; entries are texts, with words where the method has `terms`."""

    def terms(self, asked: Asked, positions: np.ndarray) -> list[dict[str, float]] | None:
        """The part of each example's score that each shared word carries, in proportion; None: no words."""
        return None

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
        """Texts and, where the method has words, the shared ones."""
        return plain_entries(asked, ranked, ranks, percentiles, self.terms(asked, ranked.positions))
