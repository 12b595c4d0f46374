"""TracIn at the word embeddings, in full and without special tokens (docs/design.md, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from backend.influence.answers.conversation_entries import ConversationEntries
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.influence.answers.entries import EntryBuilder
from backend.influence.answers.exact import exact_rows, exactly_scored, rescore, shortlist_size
from backend.influence.answers.explanation import Entry, WordPair
from backend.influence.answers.method import Asked, Found, Method, Placed
from backend.influence.answers.ranking import Ranked, Ranking
from backend.influence.answers.search import First, Searcher
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.modes import MODES, ScoreMode, score_mode
from backend.influence.rowstore.store import ExampleRows
from backend.model.tokenization import reserved_ids

SOURCE = "Yeh et al. 2022, First is Better Than Last for Language Data Influence"


@dataclass(frozen=True)
class RowEvidence:
    """The query as it was searched for, and the rows that the examples were scored with."""

    query: TracedExample
    rows: Sequence[ExampleRows]


T = TypeVar("T")


class WordEmbeddings(Method):
    """All tokens; what `explain` does unless it is told otherwise."""

    name = "we"
    title = "word embeddings (TracIn-WE)"
    formula = "sum_c eta_c sum_w g_c(x, w) . g_c(q, w)"
    source = f"{SOURCE}, eq. 2"
    cost = "one gradient of the query; the index, then a few hundred rows"
    limits = "only tokens that stand in both texts carry influence"
    scores = tuple(MODES)
    own_score = DEFAULT_SCORE
    from_rows = True

    def searcher(self, asked: Asked) -> Searcher:
        """What is searched."""
        engine, channels = asked.engine, asked.channels
        if channels is None or (channels == engine.searcher.asked).all():
            return engine.searcher
        return engine.keep(f"searcher of {channels.tolist()}", lambda: engine.searcher.on(channels))

    def traced(self, asked: Asked) -> TracedExample:
        """The query's gradients, as the method counts them."""
        return asked.traced

    def find(self, asked: Asked) -> Found:
        """By the index; with ``exact``, by all stored rows and then gradients made anew."""
        mode, searcher, engine = score_mode(asked.score, asked.damping), self.searcher(asked), asked.engine
        traced = self.traced(asked)
        query = searcher.ask(traced, mode)
        if not asked.exact:
            first = self._first(asked, query, mode)
            ranking = searcher.top(query, mode, asked.k, exclude=asked.own, first=first)
            own = None
            if asked.own is not None:
                own = float(searcher.scored(query, mode, np.array([asked.own])).scores[0])
            return Found(ranking, own, False, RowEvidence(query, searcher.stores))
        shortlist = searcher.top(query, mode, shortlist_size(asked.k), scan=True, exclude=asked.own)
        query = searcher.in_full(query, traced, mode)
        ranking, rows = rescore(engine, searcher, query, mode, shortlist, asked.k)
        own = self._exact_own(asked, searcher, query, mode)
        return Found(ranking, own, True, RowEvidence(query, rows))

    def place(self, asked: Asked, position: int) -> Placed:
        """By the index, the example itself and the strongest by their rows: as many rows as `find` reads."""
        mode, searcher = score_mode(asked.score, asked.damping), self.searcher(asked)
        query = searcher.ask(self.traced(asked), mode)
        width = searcher.shortlist(mode, 10)
        kept, by_rows = self._kept(
            asked, f"every score {width}", lambda: self._every_score(asked, query, mode)
        )
        scores = kept.copy()
        ranked = searcher.scored(query, mode, np.array([position]))
        scores[position] = ranked.scores[0]
        evidence = RowEvidence(query, searcher.stores)
        return Placed(ranked, scores, by_rows, Found(Ranking.of(ranked, 1, 1), None, False, evidence))

    def _every_score(
        self, asked: Asked, query: TracedExample, mode: ScoreMode
    ) -> tuple[np.ndarray, np.ndarray]:
        first = self._first(asked, query, mode)
        return self.searcher(asked).every_score(query, mode, exclude=asked.own, first=first)

    def _first(self, asked: Asked, query: TracedExample, mode: ScoreMode) -> First:
        """What the index says of every example: a pair is often asked for after its list."""
        searcher = self.searcher(asked)
        width = searcher.shortlist(mode, asked.k)
        return self._kept(asked, f"first scores {width}", lambda: searcher.first_scores([query], width))

    def _kept(self, asked: Asked, what: str, make: Callable[[], T]) -> T:
        """What ``make`` returns for a question, kept for the next about the same."""
        key = what, self.name, asked.score, asked.damping, asked.own, id(asked.traced)
        _, found = asked.engine.recent.get(key, lambda: (asked.traced, make()))
        return found  # kept with what it is of, whose id is no other's meanwhile

    def _exact_own(
        self, asked: Asked, searcher: Searcher, query: TracedExample, mode: ScoreMode
    ) -> float | None:
        if asked.own is None:
            return None
        place = np.array([asked.own])
        rows = exact_rows(asked.engine, place)
        return float(exactly_scored(asked.engine, searcher, rows, query, mode, place).scores[0])

    def entries(
        self,
        asked: Asked,
        found: Found,
        ranked: Ranked,
        ranks: Sequence[int],
        percentiles: Sequence[float],
    ) -> list[Entry]:
        """Words by the position-level formula."""
        return self._builder(asked, found).build(ranked, ranks, percentiles)

    def word_pairs(self, asked: Asked, found: Found, ranked: Ranked, entry: Entry) -> list[WordPair]:
        """By the position-level formula."""
        return self._builder(asked, found).word_pairs(ranked, entry)

    def _builder(self, asked: Asked, found: Found) -> EntryBuilder | ConversationEntries:
        evidence = found.evidence
        assert isinstance(evidence, RowEvidence)
        if asked.language:
            return ConversationEntries(
                asked.engine.checkpoints,
                evidence.rows,
                asked.engine.train,
                evidence.query,
                asked.texts[0],
                asked.fields,
            )
        return EntryBuilder(
            asked.engine.checkpoints, evidence.rows, asked.engine.train, evidence.query, asked.texts
        )

    def all_scores(self, asked: Asked) -> np.ndarray:
        """From all stored rows."""
        mode, searcher = score_mode(asked.score, asked.damping), self.searcher(asked)
        return searcher.scores(searcher.ask(self.traced(asked), mode), mode)


class WithoutSpecial(WordEmbeddings):
    """Special tokens count nowhere: an ablation, since they carry influence without shared words."""

    name = "we-nocommon"
    title = "word embeddings without special tokens"
    formula = "as we, w not [CLS], [SEP] and their like"
    source = f"{SOURCE}, TR-WE-NoC"
    limits = "as we; examples that share no word have no influence at all"
    scores = tuple(name for name, mode in MODES.items() if mode.train_norm != "whitened")

    def searcher(self, asked: Asked) -> Searcher:
        """Norms without special tokens too."""
        engine = asked.engine
        specials = reserved_ids(engine.checkpoints.tokenizer)
        return engine.keep("we-nocommon", lambda: engine.searcher.leaving_out(specials))

    def traced(self, asked: Asked) -> TracedExample:
        """The query without the positions of special tokens."""
        return without_special(asked)


def without_special(asked: Asked) -> TracedExample:
    """The query's gradients at positions that hold no special token."""
    traced, checkpoints = asked.traced, asked.engine.checkpoints
    special = np.isin(traced.encoded.input_ids, list(reserved_ids(checkpoints.tokenizer)))
    kept = (traced.slots >= 0) & ~special
    tokens, slots = np.empty(0, dtype=np.int64), np.full(len(traced.slots), -1, dtype=np.int64)
    tokens, slots[kept] = np.unique(
        np.asarray(traced.encoded.input_ids, dtype=np.int64)[kept], return_inverse=True
    )
    rows = traced.position_rows * kept[:, None].astype(np.float32)
    norm = checkpoints.norm(slots, tokens, rows)
    return replace(traced, slots=slots, tokens=tokens, position_rows=rows, norm=norm)


METHODS = (WordEmbeddings(), WithoutSpecial())
