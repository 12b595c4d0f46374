"""The paper's shortened TracIn-WE: of each text, only the 10 positions with the largest gradients count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backend.influence.answers.exact import exact_rows, shortlist_size
from backend.influence.answers.method import Asked, Found, Placed
from backend.influence.answers.methods.we import SOURCE, RowEvidence, WordEmbeddings
from backend.influence.answers.ranking import Ranked, Ranking
from backend.influence.answers.search import Searcher, summed_terms
from backend.influence.gradients.token_rows import TokenRows, concatenate
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.modes import MODES, ScoreMode, score_mode
from backend.influence.rowstore import kernels
from backend.influence.rowstore.compression import decode
from backend.influence.rowstore.shard import Shard
from backend.influence.rowstore.store import RowStore, TracedRows

POSITIONS = 10


def shortened(whole: TokenRows, row_norms: np.ndarray | None = None) -> TokenRows:
    """The rows with nothing left of the positions that do not count.

    The ``POSITIONS`` positions of largest norm of every example count; ties: the first. ``row_norms``
    float32 (r), where they are known more precisely than from ``whole``.
    """
    rest = whole.rows.copy()  # what the last position of each token has
    np.subtract.at(rest, whole.part_rows, whole.parts)
    norms = np.linalg.norm(rest, axis=1)
    if row_norms is not None:
        single = np.ones(len(rest), dtype=bool)
        single[whole.part_rows] = False
        norms[single] = row_norms[single]
    owners = whole.owners
    counts = _strongest(
        np.concatenate([owners[whole.part_rows], owners]),
        np.concatenate([np.linalg.norm(whole.parts, axis=1), norms]),
    ).astype(np.float32)
    parts = whole.parts * counts[: len(whole.parts), None]
    rest *= counts[len(whole.parts) :, None]
    np.add.at(rest, whole.part_rows, parts)
    return replace(whole, rows=rest, parts=parts)


class TopPositions(WordEmbeddings):
    """`we-topk`: both sides shortened, per checkpoint, then merged by token."""

    name = "we-topk"
    title = f"word embeddings, {POSITIONS} strongest positions"
    formula = f"as we, over the {POSITIONS} positions of largest gradient norm on both sides"
    source = f"{SOURCE}, eq. 3-4"
    cost = "a pass over all stored rows"
    limits = "loses half of the top 10 of we on texts longer than a few words"
    scores = tuple(name for name, mode in MODES.items() if mode.train_norm is None)

    def traced(self, asked: Asked) -> TracedExample:
        """The query with all but its strongest positions set to zero."""
        traced = asked.traced
        rows = traced.position_rows.copy()
        for each in rows:
            norms = np.where(traced.slots >= 0, np.linalg.norm(each, axis=1), -1.0)
            each[~_strongest(np.zeros(len(norms), dtype=np.int64), norms)] = 0.0
        norm = asked.engine.checkpoints.norm(traced.slots, traced.tokens, rows)
        return replace(traced, position_rows=rows, norm=norm)

    def find(self, asked: Asked) -> Found:
        """By a scan; with ``exact``, a shortlist's gradients are made anew."""
        mode, searcher = score_mode(asked.score, asked.damping), asked.engine.searcher
        traced = self.traced(asked)
        query = searcher.ask(traced, mode)
        scores = _scan(searcher, query)
        own = None if asked.own is None else float(scores[asked.own])
        if asked.own is not None:
            scores[asked.own] = 0.0
        width = shortlist_size(asked.k) if asked.exact else asked.k
        shortlist = Ranking.by_scores(scores, width)
        if not asked.exact:
            rows = [_stored(store, shortlist.positions) for store in searcher.stores]
            return self._found(asked, query, rows, shortlist.positions, own)
        query = searcher.in_full(query, traced, mode)
        chosen = shortlist.positions
        if asked.own is not None:
            chosen = np.union1d(chosen, [asked.own])
        rows = [
            TracedRows(shortened(each.part), chosen.tolist()) for each in exact_rows(asked.engine, chosen)
        ]
        if asked.own is not None:
            own = float(summed_terms(rows, query, np.array([asked.own]), searcher.vocabulary).sum())
            chosen = chosen[chosen != asked.own]
        return self._found(asked, query, rows, chosen, own)

    def place(self, asked: Asked, position: int) -> Placed:
        """By a scan of all stored rows; terms of the one example."""
        searcher, scores = asked.engine.searcher, self.all_scores(asked)
        if asked.own is not None:
            scores[asked.own] = 0.0
        query = searcher.ask(self.traced(asked), score_mode(asked.score, asked.damping))
        chosen = np.array([position])
        rows = [_stored(store, chosen) for store in searcher.stores]
        found = self._found(asked, query, rows, chosen, None)
        return Placed(found.ranking.at(position), scores, np.ones(len(scores), dtype=bool), found)

    def _found(
        self,
        asked: Asked,
        query: TracedExample,
        rows: list[TracedRows],
        chosen: np.ndarray,
        own: float | None,
    ) -> Found:
        searcher = asked.engine.searcher
        terms = summed_terms(rows, query, chosen, searcher.vocabulary)
        ranking = Ranking.of(Ranked(chosen, terms, np.ones(len(chosen))), asked.k, searcher.count)
        return Found(ranking, own, asked.exact, RowEvidence(query, rows))

    def all_scores(self, asked: Asked) -> np.ndarray:
        """By a scan of all stored rows."""
        mode: ScoreMode = score_mode(asked.score, asked.damping)
        searcher = asked.engine.searcher
        return _scan(searcher, searcher.ask(self.traced(asked), mode))


def _strongest(owners: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """Which positions (m) are among the ``POSITIONS`` of largest norm of their owner: bool (m)."""
    order = np.lexsort((-norms, owners))
    first = np.searchsorted(owners[order], owners[order])
    kept = np.zeros(len(owners), dtype=bool)
    kept[order] = np.arange(len(order)) - first < POSITIONS
    return kept


def _kept(shard: Shard) -> TokenRows:
    """What counts of a shard's rows."""
    parts = decode(shard.part_codes, shard.part_scales)
    whole = TokenRows(shard.offsets, shard.tokens, shard.rows(), shard.part_rows, parts)
    return shortened(whole, shard.row_norms)


def _scan(searcher: Searcher, query: TracedExample) -> np.ndarray:
    """Influence of every training example: float64 (n)."""
    slots, total = query.slot_table(searcher.vocabulary), np.zeros(searcher.count)
    for rows, store in zip(query.rows, searcher.stores, strict=True):
        for shard, positions in store.placed():
            kept = _kept(shard)
            scales = np.ones(len(kept.rows), dtype=np.float32)
            part = total[positions.start : positions.stop]
            kernels.add_scores(kept.rows, scales, kept.tokens, kept.offsets, slots, rows, part)
    return total


def _stored(store: RowStore, chosen: np.ndarray) -> TracedRows:
    """What counts of some examples' shards; only these are read."""
    parts, examples = [], list[int]()
    for number in sorted({store.locate(each)[0] for each in chosen.tolist()}):
        start = len(examples)
        examples += store.spans[number]
        parts.append((list(range(start, len(examples))), _kept(store.shards[number])))
    return TracedRows(concatenate(parts, len(examples), store.width), examples)


METHODS = (TopPositions(),)
