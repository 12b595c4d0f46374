"""Scores and rankings: ``I(x, q) = sum_c eta_c sum_w g_c(x, w) . g_c(q, w)`` (DESIGN section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.influence.index import RowIndex
from backend.influence.store import RowStore
from backend.influence.tracing import TracedExample

_CANDIDATES_PER_RESULT = 4  # a list as long as k needs more than the calibrated candidates


@dataclass(frozen=True)
class Ranked:
    """Training examples in rank order: ``positions`` int64 (k), ``terms`` float64 (k, T)."""

    positions: np.ndarray
    terms: np.ndarray

    @property
    def scores(self) -> np.ndarray:
        """Influence of each example: its terms' sum, float64 (k)."""
        return self.terms.sum(axis=1)


@dataclass(frozen=True)
class Ranking:
    """The top of both ends. ``n_scored`` examples were scored exactly to find them."""

    proponents: Ranked
    opponents: Ranked
    n_scored: int


class Searcher:
    """Finds the most influential training examples of a traced query."""

    def __init__(
        self, stores: list[RowStore], index: RowIndex | None, candidates_per_list: int, vocabulary: int
    ) -> None:
        """``index`` None: every search scans everything."""
        self.stores, self.index = stores, index
        self.candidates_per_list, self.vocabulary = candidates_per_list, vocabulary
        self.count = stores[0].count

    def terms(self, query: TracedExample, examples: np.ndarray) -> np.ndarray:
        """The part of each example's influence that each query token carries.

        Args:
            query: traced. examples: (n,) int64, distinct.

        Returns:
            float64 (n, T).
        """
        order = np.argsort(examples)
        terms = np.zeros((len(examples), len(query.tokens)))
        slots = query.slot_table(self.vocabulary)
        for checkpoint, store in enumerate(self.stores):
            store.add_terms(terms, examples[order], slots, query.rows[checkpoint])
        in_order = np.empty_like(terms)
        in_order[order] = terms
        return in_order

    def scores(self, query: TracedExample, examples: np.ndarray) -> np.ndarray:
        """Influence of each of ``examples`` (ascending): float64 (n). Memory does not grow with T."""
        scores = np.zeros(len(examples))
        slots = query.slot_table(self.vocabulary)
        for checkpoint, store in enumerate(self.stores):
            store.add_scores(scores, examples, slots, query.rows[checkpoint])
        return scores

    def top(self, query: TracedExample, k: int, *, exact: bool, exclude: int | None = None) -> Ranking:
        """The ``k`` strongest proponents and opponents; ``exclude`` is a position left out.

        Ties are broken by position. Examples with score 0 are neither.
        """
        examples = self._candidates(query, k, exact)
        if exclude is not None:
            examples = examples[examples != exclude]
        scores = self.scores(query, examples)
        order = np.argsort(-scores, kind="stable")
        best = examples[order[scores[order] > 0][:k]]
        order = np.argsort(scores, kind="stable")
        worst = examples[order[scores[order] < 0][:k]]
        return Ranking(
            Ranked(best, self.terms(query, best)), Ranked(worst, self.terms(query, worst)), len(examples)
        )

    def _candidates(self, query: TracedExample, k: int, exact: bool) -> np.ndarray:
        per_list = max(self.candidates_per_list, _CANDIDATES_PER_RESULT * k)
        if exact or self.index is None or per_list >= self.count:
            return np.arange(self.count)
        return self.index.candidates(query.tokens, query.rows, per_list)
