"""The paper's shortened TracIn-WE: of each text, only the 10 positions with the largest gradients count."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from backend.data.shards import locate, shard_ranges
from backend.influence.engine import Engine
from backend.influence.exact import exact_rows, shortlist_size
from backend.influence.gradients import TokenRows
from backend.influence.method import Asked, Found
from backend.influence.methods.we import SOURCE, RowEvidence, WordEmbeddings
from backend.influence.modes import MODES, ScoreMode, score_mode
from backend.influence.search import Ranked, Ranking, Searcher
from backend.influence.store import RowStore, Shard, split_row
from backend.influence.tracing import TracedExample

POSITIONS = 10


@dataclass(frozen=True)
class KeptPositions:
    """The positions of several examples that count, at one checkpoint.

    ``rows`` float32 (r, d) are the examples' rows with what counts of them; a position that does not count is
    zero in ``parts``. Otherwise as `TokenRows`.
    """

    kept: TokenRows

    @classmethod
    def of(cls, whole: TokenRows, row_norms: np.ndarray | None = None) -> KeptPositions:
        """Leave the ``POSITIONS`` positions of largest norm of every example; ties: the first.

        ``row_norms`` (r), where they are known more precisely than from ``whole``.
        """
        count, rows = len(whole), whole.rows
        rest = rows.copy()  # what the last position of each token has
        np.subtract.at(rest, whole.part_rows, whole.parts)
        norms = np.linalg.norm(rest, axis=1)
        if row_norms is not None:
            single = np.ones(len(rows), dtype=bool)
            single[whole.part_rows] = False
            norms[single] = row_norms[single]
        owners = np.repeat(np.arange(count), np.diff(whole.offsets))
        counts = _strongest(
            np.concatenate([owners[whole.part_rows], owners]),
            np.concatenate([np.linalg.norm(whole.parts, axis=1), norms]),
        ).astype(np.float32)
        parts = whole.parts * counts[: len(whole.parts), None]
        rest *= counts[len(whole.parts) :, None]
        np.add.at(rest, whole.part_rows, parts)
        return cls(TokenRows(whole.offsets, whole.tokens, rest, whole.part_rows, parts))

    def terms(self, slots: np.ndarray, query: np.ndarray) -> np.ndarray:
        """Products with the query's rows (T, d), by the query's slot of each token: float64 (n, T)."""
        kept = self.kept
        terms = np.zeros((len(kept), len(query)))
        asked = slots[kept.tokens]
        found = np.flatnonzero(asked >= 0)
        owners = np.repeat(np.arange(len(kept)), np.diff(kept.offsets))[found]
        terms[owners, asked[found]] = np.einsum("ij,ij->i", kept.rows[found], query[asked[found]])
        return terms


class KeptRows:
    """`ExampleRows` of the positions that count; made when asked for."""

    def __init__(self, parts: dict[int, tuple[KeptPositions, int]]) -> None:
        """``parts``: for each example, where it lies."""
        self._parts = parts

    def add_terms(
        self, terms: np.ndarray, examples: np.ndarray, slots: np.ndarray, query: np.ndarray
    ) -> None:
        """See `ExampleRows`."""
        for place, example in enumerate(examples.tolist()):
            part, local = self._parts[example]
            one = slice(part.kept.offsets[local], part.kept.offsets[local + 1])
            asked = slots[part.kept.tokens[one]]
            found = np.flatnonzero(asked >= 0)
            rows = part.kept.rows[one][found]
            terms[place, asked[found]] += np.einsum("ij,ij->i", rows, query[asked[found]])

    def positions(self, example: int, token: int) -> np.ndarray:
        """See `ExampleRows`."""
        part, local = self._parts[example]
        kept = part.kept
        begin, end = int(kept.offsets[local]), int(kept.offsets[local + 1])
        row, after = begin + np.searchsorted(kept.tokens[begin:end], [token, token + 1])
        span = slice(*np.searchsorted(kept.part_rows, [row, after]))
        return split_row(kept.rows[row:after], kept.parts[span])


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
        rows = _exact(asked.engine, chosen)
        if asked.own is not None:
            own = float(_terms(rows, query, np.array([asked.own]), asked.engine).sum())
            chosen = chosen[chosen != asked.own]
        return self._found(asked, query, rows, chosen, own)

    def _found(
        self, asked: Asked, query: TracedExample, rows: list[KeptRows], chosen: np.ndarray, own: float | None
    ) -> Found:
        ranked = Ranked(chosen, _terms(rows, query, chosen, asked.engine), np.ones(len(chosen)))
        ranking = Ranking.of(ranked, asked.k, asked.engine.searcher.count)
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


def _whole(shard: Shard) -> TokenRows:
    parts = shard.part_codes.astype(np.float32) * shard.part_scales[:, None]
    return TokenRows(shard.offsets, shard.tokens, shard.rows(), shard.part_rows, parts)


def _scan(searcher: Searcher, query: TracedExample) -> np.ndarray:
    """Influence of every training example: float64 (n)."""
    slots, total = query.slot_table(searcher.vocabulary), np.zeros(searcher.count)
    for checkpoint, store in enumerate(searcher.stores):
        for shard, positions in zip(store.passing(), shard_ranges(store.count), strict=True):
            kept = KeptPositions.of(_whole(shard), shard.row_norms)
            total[positions.start : positions.stop] += kept.terms(slots, query.rows[checkpoint]).sum(axis=1)
    return total


def _stored(store: RowStore, chosen: np.ndarray) -> KeptRows:
    """The stored rows of some examples; only their shards are read."""
    shards = {number: store.shards[number] for number in {locate(each)[0] for each in chosen.tolist()}}
    kept = {number: KeptPositions.of(_whole(shard), shard.row_norms) for number, shard in shards.items()}
    places = {each: locate(each) for each in chosen.tolist()}
    return KeptRows({each: (kept[number], local) for each, (number, local) in places.items()})


def _exact(engine: Engine, chosen: np.ndarray) -> list[KeptRows]:
    found = []
    for each in exact_rows(engine, chosen):
        kept = KeptPositions.of(each.part)
        found.append(KeptRows({example: (kept, place) for place, example in enumerate(chosen.tolist())}))
    return found


def _terms(rows: list[KeptRows], query: TracedExample, chosen: np.ndarray, engine: Engine) -> np.ndarray:
    terms = np.zeros((len(chosen), len(query.tokens)))
    slots = query.slot_table(engine.checkpoints.vocabulary)
    for checkpoint, each in enumerate(rows):
        each.add_terms(terms, chosen, slots, query.rows[checkpoint])
    return terms


METHODS = (TopPositions(),)
