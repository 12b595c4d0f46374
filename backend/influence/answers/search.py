"""Scores and rankings: ``I(x, q) = sum_c eta_c sum_w g_c(x, w) . g_c(q, w)``, in any mode
(docs/design.md, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from functools import cached_property, partial
from typing import TypeAlias

import numpy as np
import torch

from backend.errors import InputError
from backend.influence.answers.ranking import Ranked, Ranking, both_ends
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.modes import MODES, ScoreMode, factors
from backend.influence.index.moments import Moments
from backend.influence.index.optimizer_state import SecondMoments
from backend.influence.index.row_index import RowIndex
from backend.influence.rowstore.compression import RowCodec
from backend.influence.rowstore.store import ExampleRows, RowStore

First: TypeAlias = tuple[np.ndarray, bool]
"""Plain products of queries with every training example, and whether they are by all stored rows."""


class Searcher:
    """Finds the most influential training examples of queries in the stored rows."""

    def __init__(
        self,
        stores: list[RowStore],
        codecs: list[RowCodec],
        moments: list[Moments],
        weights: np.ndarray,
        vocabulary: int,
        index: RowIndex | None = None,
        candidates: dict[str, int] | None = None,
        optimizer: Callable[[], list[SecondMoments]] | None = None,
    ) -> None:
        """``weights`` are the checkpoints' etas; ``index`` None: every search scans everything.

        ``optimizer`` reads the optimizers' second moments; `InputError` where there are none.
        """
        self.stores, self.codecs, self.moments, self.index = stores, codecs, moments, index
        self.weights, self.vocabulary = weights, vocabulary
        self.candidates = candidates or {}
        self.count = stores[0].count
        self._read_optimizer = optimizer
        self.left_out = np.empty(0, dtype=np.int64)
        self.asked = np.ones(len(stores), dtype=bool)
        self._threads = ThreadPoolExecutor(torch.get_num_threads())

    def leaving_out(self, tokens: Collection[int]) -> Searcher:
        """The same search, in whose norms ``tokens`` do not count."""
        other = copy(self)
        other.left_out = np.array(sorted(tokens), dtype=np.int64)
        other.__dict__.pop("norms", None)
        return other

    def on(self, channels: np.ndarray, measured: bool = False) -> Searcher:
        """The same search, in whose norms only ``channels``, bool (C), count.

        ``measured``: whether the index's recall was measured on these; else all rows are read.
        """
        other = copy(self)
        other.asked = channels
        if not measured:
            other.candidates = {}
        for name in ("norms", "whitened_norms"):
            other.__dict__.pop(name, None)
        return other

    @cached_property
    def norms(self) -> np.ndarray:
        """Root of every example's plain self-influence, ``sqrt(sum_c eta_c |G_c(x)|^2)``: float64 (n)."""
        if len(self.left_out):
            squares = [store.squares_without(self.left_out) for store in self.stores]
        else:
            squares = [store.norms().astype(np.float64) ** 2 for store in self.stores]
        return self._root_of(squares)

    @cached_property
    def whitened_norms(self) -> np.ndarray:
        """The same in the metric of ``(R_c + lambda)^-1``: float64 (n)."""
        return self._root_of([each.whitened.astype(np.float64) for each in self.moments])

    def _root_of(self, squares: list[np.ndarray]) -> np.ndarray:
        weights = (self.weights * self.asked).tolist()
        return np.sqrt(sum(eta * each for eta, each in zip(weights, squares, strict=True)))

    def factors(self, mode: ScoreMode) -> np.ndarray:
        """What the mode multiplies the scores of every training example with: float64 (n)."""
        norms = {None: None, "plain": self.norms, "whitened": self.whitened_norms}[mode.train_norm]
        return factors(norms, self.count)

    @cached_property
    def optimizer(self) -> list[SecondMoments]:
        """The optimizer's second moments at every checkpoint; `InputError` where there are none."""
        if self._read_optimizer is None:
            raise InputError("--score adam: the optimizer's state is not at hand here")
        return self._read_optimizer()

    def ask(self, query: TracedExample, mode: ScoreMode) -> TracedExample:
        """A traced query in the coordinates of stored rows, changed as the mode asks: what searches take."""
        if mode.by_optimizer:
            query = mode.scale(query, self.optimizer)
        if any(codec.basis is not None for codec in self.codecs):
            query = query.changed(lambda number, rows: self.codecs[number].project(rows))
        return mode.apply(query, self.moments, self.weights)

    def in_full(self, asked: TracedExample, query: TracedExample, mode: ScoreMode) -> TracedExample:
        """As `ask`, in all dimensions of the embeddings; ``asked`` is what `ask` made of ``query``."""
        if mode.by_optimizer:
            return mode.scale(query, self.optimizer)
        if not mode.mixes_directions:
            return mode.apply(query, self.moments, self.weights)
        return asked.changed(lambda number, rows: self.codecs[number].restore(rows))

    def terms(self, query: TracedExample, examples: np.ndarray) -> np.ndarray:
        """The plain product of each query token with each of ``examples`` (ascending): float64 (n, T)."""
        return summed_terms(self.stores, query, examples, self.vocabulary)

    def scored(self, query: TracedExample, mode: ScoreMode, examples: np.ndarray) -> Ranked:
        """``examples`` (ascending) with their terms in the mode."""
        chosen = self.factors(mode)[examples]
        return Ranked(examples, self.terms(query, examples) * chosen[:, None], chosen)

    def scores(self, query: TracedExample, mode: ScoreMode) -> np.ndarray:
        """Influence of every training example by its stored rows: float64 (n)."""
        return self.many_scores([query])[0] * self.factors(mode)

    def every_score(
        self, query: TracedExample, mode: ScoreMode, *, exclude: int | None = None, first: First | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Influence of every training example, float64 (n), and which of it is by stored rows, bool (n).

        Else the index says it, and rows that of the strongest of both ends, as many as a list of ten asks.
        ``first``: of the query, from `first_scores`, where it is known.
        """
        width = self.shortlist(mode, 10)
        found, scanned = first or self.first_scores([query], width)
        scores = found[0] * self.factors(mode)
        if exclude is not None:
            scores[exclude] = 0.0
        by_rows = np.full(self.count, scanned)
        if not scanned:
            chosen = both_ends(scores, width)
            scores[chosen], by_rows[chosen] = self.scored(query, mode, chosen).scores, True
        return scores, by_rows

    def many_scores(self, queries: Sequence[TracedExample], *, release: bool = False) -> np.ndarray:
        """Plain products of every training example with each query: float64 (queries, n); reads all rows.

        ``release``: let go of each shard when it has been read (see `Shard.release`).
        """
        total = np.zeros((len(queries), self.count))
        tables = [query.slot_table(self.vocabulary) for query in queries]
        for channel, store in enumerate(self.stores):
            rows = [query.rows[channel] for query in queries]
            if not any(each.any() for each in rows):
                continue
            add = partial(store.add_scores, scores=total, slots=tables, queries=rows, release=release)
            for _ in self._threads.map(add, store.numbers):
                pass
        return total

    def group_sums(
        self, queries: Sequence[TracedExample], groups: Sequence[Sequence[int]], n_groups: int
    ) -> np.ndarray:
        """Plain products of every training example summed over the queries of each group: float64 (n,
        groups).

        ``groups`` names the groups of each query.
        """
        total = np.zeros((self.count, n_groups))
        pairs = [
            (token, group, owner, slot)
            for owner, query in enumerate(queries)
            for slot, token in enumerate(query.tokens.tolist())
            for group in groups[owner]
        ]
        if not pairs:
            return total
        token, group, owner, slot = np.array(sorted(pairs), dtype=np.int64).T
        starts = np.flatnonzero(np.r_[True, (np.diff(token) != 0) | (np.diff(group) != 0)])
        tokens, ranges = np.unique(token[starts], return_index=True)
        slots = np.full(self.vocabulary, -1, dtype=np.int64)
        slots[tokens] = np.arange(len(tokens))
        first_row = np.cumsum([0, *(len(query.tokens) for query in queries)])
        for checkpoint, store in enumerate(self.stores):
            rows = np.concatenate([query.rows[checkpoint] for query in queries])[first_row[owner] + slot]
            add = partial(
                store.add_group_sums,
                sums=total,
                slots=slots,
                ranges=np.append(ranges, len(starts)),
                queries=np.add.reduceat(rows, starts, axis=0),
                groups=group[starts],
            )
            for _ in self._threads.map(add, store.numbers):
                pass
        return total

    def top(
        self,
        query: TracedExample,
        mode: ScoreMode,
        k: int,
        *,
        scan: bool = False,
        exclude: int | None = None,
        first: First | None = None,
    ) -> Ranking:
        """The ``k`` strongest proponents and opponents; ``query`` comes from `ask`.

        ``scan`` scores all stored rows instead of asking the index; ``exclude`` is a position left out;
        ``first``: of the query, from `first_scores`, where it is known.
        Ties are broken by position. Examples with score 0 are neither.
        """
        return self.many_top([query], mode, k, [exclude], scan=scan, first=first)[0]

    def many_top(
        self,
        queries: Sequence[TracedExample],
        mode: ScoreMode,
        k: int,
        exclude: Sequence[int | None],
        *,
        scan: bool = False,
        first: First | None = None,
    ) -> list[Ranking]:
        """As `top`, for several queries at once: index or rows are read once for all of them."""
        width, multipliers = self.shortlist(mode, k), self.factors(mode)
        scores, scanned = first or self.first_scores(queries, width, scan=scan)
        rankings = []
        for query, each, own in zip(queries, scores, exclude, strict=True):
            each = each * multipliers
            if own is not None:
                each[own] = 0.0
            rankings.append(self.rerank(query, mode, k, each, k if scanned else width))
        return [replace(each, n_scored=self.count) for each in rankings] if scanned else rankings

    def first_scores(self, queries: Sequence[TracedExample], width: int, *, scan: bool = False) -> First:
        """Plain products with every training example, float64 (queries, n), and whether by all stored rows:
        so with ``scan``, without an index, or where ``width`` candidates of each end are about all there are.
        """
        if scan or self.index is None or 2 * width >= self.count:
            return self.many_scores(queries), True
        return self.index.scores(queries), False

    def rerank(
        self, query: TracedExample, mode: ScoreMode, k: int, scores: np.ndarray, width: int
    ) -> Ranking:
        """The top by stored rows among the ``width`` strongest of each end by ``scores`` (n)."""
        chosen = both_ends(scores, width)
        return Ranking.of(self.scored(query, mode, chosen), k, len(chosen))

    def shortlist(self, mode: ScoreMode, k: int) -> int:
        """How many candidates of each end are re-ranked for lists of ``k``; all where none were measured."""
        measured = mode.damping == MODES[mode.name].damping
        calibrated = self.candidates.get(mode.name, self.count) if measured else self.count
        return max(calibrated, -(-calibrated * k // 10))


def summed_terms(
    rows: Sequence[ExampleRows], query: TracedExample, examples: np.ndarray, vocabulary: int
) -> np.ndarray:
    """Products of each query token's row with that of each of ``examples`` (ascending), over all checkpoints.

    Returns:
        float64 (n, T).
    """
    terms = np.zeros((len(examples), len(query.tokens)))
    slots = query.slot_table(vocabulary)
    for checkpoint, each in enumerate(rows):
        each.add_terms(terms, examples, slots, query.rows[checkpoint])
    return terms
