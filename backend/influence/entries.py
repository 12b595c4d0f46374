"""From ranked examples to what a person reads: tokens, and words of both texts with their shares.

A token's term is known from the rows. Where a token stands at several positions of a text, its term
is split over them by the position-level formula of DESIGN section 3,
``s(i, j) = sum_c eta_c (d loss(x)/d e_i) . (d loss(q)/d e_j)``, summed over the other text's positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.data.dataset import Split
from backend.influence.explanation import Entry, TokenScore, WordScore
from backend.influence.search import Ranked
from backend.influence.store import RowStore
from backend.influence.tracing import Checkpoints, TracedExample
from backend.influence.words import word_spans
from backend.model.tokenization import Encoded, special_ids

_FIELDS = ("text", "text_b")


@dataclass(frozen=True)
class EntryBuilder:
    """Builds entries for one query; ``texts`` are the query's text and, for a pair, text_b."""

    checkpoints: Checkpoints
    stores: list[RowStore]
    train: Split
    query: TracedExample
    texts: tuple[str, ...]

    def build(self, ranked: Ranked, ranks: Sequence[int], percentiles: Sequence[float]) -> list[Entry]:
        """One entry per ranked example, with the given ranks and percentiles."""
        if not len(ranked.positions):
            return []
        encoded = self.checkpoints.encode(*self._train_texts(ranked.positions))
        train_shares = self._train_shares(ranked, encoded)
        query_shares = self._query_shares(ranked, encoded)
        return [
            self._entry(
                int(position),
                encoded[place],
                ranked.terms[place],
                train_shares[place],
                query_shares[place],
                ranks[place],
                percentiles[place],
            )
            for place, position in enumerate(ranked.positions)
        ]

    def _train_texts(self, positions: np.ndarray) -> tuple[list[str], list[str] | None]:
        texts_b = self.train.texts_b
        return [self.train.texts[each] for each in positions], texts_b and [
            texts_b[each] for each in positions
        ]

    def _entry(
        self,
        position: int,
        encoded: Encoded,
        terms: np.ndarray,
        train_share: np.ndarray,
        query_share: np.ndarray,
        rank: int,
        percentile: float,
    ) -> Entry:
        train = self.train
        texts = (train.texts[position], *([train.texts_b[position]] if train.texts_b else []))
        words = self._words(encoded, texts, train_share)
        score = float(terms.sum())
        return Entry(
            rank=rank,
            id=train.ids[position],
            text=texts[0],
            text_b=texts[1] if len(texts) > 1 else None,
            label=train.labels[position],
            score=score,
            percentile=percentile,
            tokens=self._tokens(encoded, terms),
            words=words,
            query_words=self._words(self.query.encoded, self.texts, query_share),
            special=score - sum(word.score for word in words),
            same_text=texts == self.texts,
            truncated=encoded.truncated,
        )

    def _tokens(self, encoded: Encoded, terms: np.ndarray) -> list[TokenScore]:
        """The shared tokens, strongest first."""
        special = special_ids(self.checkpoints.tokenizer)
        shared = np.flatnonzero(np.isin(self.query.tokens, encoded.input_ids))
        shared = shared[np.argsort(-np.abs(terms[shared]), kind="stable")]
        ids = self.query.tokens[shared].tolist()
        names = self.checkpoints.tokenizer.convert_ids_to_tokens(ids)
        return [
            TokenScore(name, token_id, token_id in special, float(terms[slot]))
            for name, token_id, slot in zip(names, ids, shared, strict=True)
        ]

    def _words(self, encoded: Encoded, texts: Sequence[str], shares: np.ndarray) -> list[WordScore]:
        """Words that share a token with the other text; ``shares`` (L), NaN where nothing is shared."""
        special = special_ids(self.checkpoints.tokenizer)
        words = []
        for span in word_spans(encoded, texts):
            carried = [
                each
                for each in span.positions
                if encoded.input_ids[each] not in special and shares[each] == shares[each]
            ]
            if carried:
                text = texts[span.field][span.start : span.end]
                total = float(sum(shares[each] for each in carried))
                words.append(WordScore(text, span.start, span.end, total, _FIELDS[span.field]))
        return words

    def _query_shares(self, ranked: Ranked, encoded: Sequence[Encoded]) -> np.ndarray:
        """Each query position's share of each ranked example's score: float64 (k, L)."""
        query = self.query
        shares = np.full((len(encoded), len(query.slots)), np.nan)
        for place, each in enumerate(encoded):
            shared = np.flatnonzero((query.slots >= 0) & np.isin(query.encoded.input_ids, each.input_ids))
            shares[place, shared] = ranked.terms[place, query.slots[shared]]
        for slot in _repeated(query.slots):
            self._split_query_token(shares, ranked, slot)
        return shares

    def _split_query_token(self, shares: np.ndarray, ranked: Ranked, slot: int) -> None:
        """Replace the term of a token by the parts of its several positions in the query."""
        query = self.query
        places = np.flatnonzero(query.slots == slot)
        order = np.argsort(ranked.positions)
        only = np.full(self.checkpoints.vocabulary, -1, dtype=np.int64)
        only[query.tokens[slot]] = 0
        parts = np.zeros((len(order), len(places)))
        for checkpoint, store in enumerate(self.stores):
            found = store.matches(ranked.positions[order], only)
            parts[order[found.example]] += found.rows @ query.position_rows[checkpoint, places].T
        shared = ~np.isnan(shares[:, places])
        shares[:, places] = np.where(shared, parts, np.nan)

    def _train_shares(self, ranked: Ranked, encoded: Sequence[Encoded]) -> list[np.ndarray]:
        """Each position's share of each ranked example's score: float64 (L), NaN where not shared."""
        table = self.query.slot_table(self.checkpoints.vocabulary)
        special = special_ids(self.checkpoints.tokenizer)
        slots = [table[np.asarray(each.input_ids, dtype=np.int64)] for each in encoded]
        shares = []
        to_split: dict[int, list[int]] = {}
        for place, each in enumerate(slots):
            shares.append(np.where(each >= 0, ranked.terms[place][each], np.nan))
            repeated = [slot for slot in _repeated(each) if int(self.query.tokens[slot]) not in special]
            if repeated:
                to_split[place] = repeated
        for place, traced in zip(to_split, self._trace(ranked, encoded, list(to_split)), strict=True):
            for slot in to_split[place]:
                at = np.flatnonzero(slots[place] == slot)
                parts = np.einsum("cld,cd->l", traced.position_rows[:, at], self.query.rows[:, slot])
                # What the stored rows say of the whole token holds; the fresh gradients only split it.
                shares[place][at] = parts + (ranked.terms[place, slot] - parts.sum()) / len(at)
        return shares

    def _trace(
        self, ranked: Ranked, encoded: Sequence[Encoded], places: Sequence[int]
    ) -> list[TracedExample]:
        classes = self.checkpoints.manifest.classes
        labels = [classes.index(self.train.labels[ranked.positions[place]]) for place in places]
        return self.checkpoints.trace([encoded[place] for place in places], labels, weighted=False)


def _repeated(slots: np.ndarray) -> list[int]:
    """The slots that stand at several positions."""
    found, counts = np.unique(slots[slots >= 0], return_counts=True)
    return found[counts > 1].tolist()
