"""From ranked examples to what a person reads: tokens, and words of both texts with their shares.

A token's term is known from its row. Where a token stands at several positions of a text, the store
keeps the gradients of these apart, and its term is split over them by the position-level formula,
``s(i, j) = sum_c eta_c (d loss(x)/d e_i) . (d loss(q)/d e_j)``, summed over the other text's positions
(docs/design.md, section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.data.dataset import Split
from backend.data.equal_texts import same_texts
from backend.data.examples import FIELD_NAMES
from backend.influence.answers.explanation import Entry, TokenScore, WordPair, WordScore
from backend.influence.answers.ranking import Ranked
from backend.influence.answers.words import word_spans
from backend.influence.gradients.traced import TracedExample
from backend.influence.gradients.tracing import Checkpoints
from backend.influence.rowstore.store import ExampleRows
from backend.model.tokenization import Encoded, special_ids


@dataclass(frozen=True)
class EntryBuilder:
    """Builds entries for one query; ``texts`` are the query's text and, for a pair, text_b.

    ``rows`` are those that the ranked examples were scored with, one per checkpoint; ``query`` has the same
    coordinates and is changed as the score mode asks.
    """

    checkpoints: Checkpoints
    rows: Sequence[ExampleRows]
    train: Split
    query: TracedExample
    texts: tuple[str, ...]

    def build(self, ranked: Ranked, ranks: Sequence[int], percentiles: Sequence[float]) -> list[Entry]:
        """One entry per ranked example, with the given ranks and percentiles."""
        if not len(ranked.positions):
            return []
        encoded = self._encoded(ranked)
        partners = self._partners(ranked, encoded)
        train_shares = self._train_shares(ranked, encoded, partners)
        query_shares = self._query_shares(ranked, partners)
        return [
            self._entry(
                int(position),
                encoded[place],
                ranked.terms[place],
                partners[place],
                train_shares[place],
                query_shares[place],
                ranks[place],
                percentiles[place],
            )
            for place, position in enumerate(ranked.positions)
        ]

    def word_pairs(self, ranked: Ranked, entry: Entry) -> list[WordPair]:
        """What each word of the query carries with each word of the one example of ``ranked``.

        ``entry`` is what `build` made of it. Positions without a word (special tokens) are left out.
        """
        texts = self._encoded(ranked)
        encoded, partners = texts[0], self._partners(ranked, texts)[0]
        mine = self._word_at(self.query.encoded, self.texts, entry.query_words)
        theirs = self._word_at(encoded, self.train.texts_of(int(ranked.positions[0])), entry.words)
        sums: dict[tuple[int, int], float] = {}
        for slot in np.flatnonzero(partners >= 0).tolist():
            places = np.flatnonzero(self.query.slots == slot)
            found = np.flatnonzero(np.asarray(encoded.input_ids) == partners[slot])
            parts = self._position_products(ranked, slot, int(partners[slot]), places)
            for row, place in enumerate(places.tolist()):
                for column, position in enumerate(found.tolist()):
                    key = (mine.get(place, -1), theirs.get(position, -1))
                    if min(key) >= 0:
                        sums[key] = sums.get(key, 0.0) + float(parts[row, column])
        return [
            WordPair(entry.query_words[one], entry.words[other], score)
            for (one, other), score in sorted(sums.items())
        ]

    def _encoded(self, ranked: Ranked) -> list[Encoded]:
        """The ranked examples, as the model read them."""
        return self.checkpoints.as_read(self.checkpoints.encode(self.train.take(ranked.positions)))

    def _position_products(self, ranked: Ranked, slot: int, token: int, places: np.ndarray) -> np.ndarray:
        """``s(i, j)`` of a query token's ``places`` and the places of ``token`` in the example: (p, m)."""
        example = int(ranked.positions[0])
        parts = [each.positions(example, token) for each in self.rows]
        if len(places) == len(parts[0]) == 1:
            return ranked.terms[:1, slot : slot + 1]
        products = sum(self.query.position_rows[at, places] @ each.T for at, each in enumerate(parts))
        return np.asarray(products) * ranked.factors[0]

    def _word_at(self, encoded: Encoded, texts: Sequence[str], words: Sequence[WordScore]) -> dict[int, int]:
        """Which of ``words`` each position that is not special belongs to."""
        number = {(word.field, word.start, word.end): place for place, word in enumerate(words)}
        special = self._special_positions(encoded)
        return {
            position: number[key]
            for span in word_spans(encoded, texts)
            if (key := (FIELD_NAMES[span.field], span.start, span.end)) in number
            for position in span.positions
            if not special[position]
        }

    def _partners(self, ranked: Ranked, encoded: Sequence[Encoded]) -> np.ndarray:
        """The token of each ranked example that each query token is matched with, -1: none; int64 (k, T)."""
        if ranked.partners is not None:
            return ranked.partners
        tokens = self.query.tokens
        same = [np.where(np.isin(tokens, each.input_ids), tokens, -1) for each in encoded]
        return np.array(same, dtype=np.int64).reshape(len(encoded), len(tokens))

    def _entry(
        self,
        position: int,
        encoded: Encoded,
        terms: np.ndarray,
        partners: np.ndarray,
        train_share: np.ndarray,
        query_share: np.ndarray,
        rank: int,
        percentile: float,
    ) -> Entry:
        train = self.train
        texts = train.texts_of(position)
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
            tokens=self._tokens(encoded, terms, partners),
            words=words,
            query_words=self._words(self.query.encoded, self.texts, query_share),
            special=float(np.nansum(train_share[self._special_positions(encoded)])),
            same_text=same_texts(texts, self.texts),
            truncated=encoded.truncated,
        )

    def _special_positions(self, encoded: Encoded) -> np.ndarray:
        """Which positions hold a special token, by id or because the tokenizer added it: bool (L)."""
        special = np.isin(encoded.input_ids, list(special_ids(self.checkpoints.tokenizer)))
        return special | (np.asarray(encoded.fields) < 0)

    def _tokens(self, encoded: Encoded, terms: np.ndarray, partners: np.ndarray) -> list[TokenScore]:
        """The matched tokens, strongest first."""
        special = set(np.asarray(encoded.input_ids)[self._special_positions(encoded)].tolist())
        matched = np.flatnonzero(partners >= 0)
        matched = matched[np.argsort(-np.abs(terms[matched]), kind="stable")]
        ids, asked = partners[matched].tolist(), self.query.tokens[matched].tolist()
        names, queried = map(self.checkpoints.tokenizer.convert_ids_to_tokens, (ids, asked))
        return [
            TokenScore(name, each, each in special, float(terms[slot]), None if each == own else query)
            for name, each, own, query, slot in zip(names, ids, asked, queried, matched, strict=True)
        ]

    def _words(self, encoded: Encoded, texts: Sequence[str], shares: np.ndarray) -> list[WordScore]:
        """Words that share a token with the other text; ``shares`` (L), NaN where nothing is shared."""
        shown = ~self._special_positions(encoded) & ~np.isnan(shares)
        words = []
        for span in word_spans(encoded, texts):
            carried = [each for each in span.positions if shown[each]]
            if carried:
                text = texts[span.field][span.start : span.end]
                total = float(shares[carried].sum())
                words.append(WordScore(text, span.start, span.end, total, FIELD_NAMES[span.field]))
        return words

    def _query_shares(self, ranked: Ranked, partners: np.ndarray) -> np.ndarray:
        """Each query position's share of each ranked example's score: float64 (k, L)."""
        query = self.query
        shares = np.full((len(partners), len(query.slots)), np.nan)
        traced = np.flatnonzero(query.slots >= 0)
        for place, matched in enumerate(partners):
            shared = traced[matched[query.slots[traced]] >= 0]
            shares[place, shared] = ranked.terms[place, query.slots[shared]]
        for slot in _repeated(query.slots):
            self._split_query_token(shares, ranked, slot, partners[:, slot])
        return shares

    def _split_query_token(self, shares: np.ndarray, ranked: Ranked, slot: int, partners: np.ndarray) -> None:
        """Replace the term of a token by the parts of its several positions in the query."""
        query = self.query
        places = np.flatnonzero(query.slots == slot)
        for row, (position, token) in enumerate(
            zip(ranked.positions.tolist(), partners.tolist(), strict=True)
        ):
            if token >= 0:
                parts = sum(
                    query.position_rows[checkpoint, places] @ each.positions(position, token).sum(axis=0)
                    for checkpoint, each in enumerate(self.rows)
                )
                shares[row, places] = parts * ranked.factors[row]

    def _train_shares(
        self, ranked: Ranked, encoded: Sequence[Encoded], partners: np.ndarray
    ) -> list[np.ndarray]:
        """Each position's share of each ranked example's score: float64 (L), NaN where not matched."""
        table = np.full(self.checkpoints.vocabulary, -1, dtype=np.int64)
        shares = []
        for place, each in enumerate(encoded):
            matched = np.flatnonzero(partners[place] >= 0)
            table[partners[place, matched]] = matched
            slots = table[np.asarray(each.input_ids, dtype=np.int64)]
            table[partners[place, matched]] = -1
            share = np.full(len(slots), np.nan)
            share[slots >= 0] = ranked.terms[place][slots[slots >= 0]]
            for slot in _repeated(slots):
                parts = self._train_parts(int(ranked.positions[place]), slot, int(partners[place, slot]))
                share[slots == slot] = parts * ranked.factors[place]
            shares.append(share)
        return shares

    def _train_parts(self, position: int, slot: int, token: int) -> np.ndarray:
        """What each position of ``token`` in a training example adds to its product with a query token:
        float64 (m)."""
        per_checkpoint = [
            each.positions(position, token) @ self.query.rows[checkpoint, slot]
            for checkpoint, each in enumerate(self.rows)
        ]
        return np.sum(per_checkpoint, axis=0)


def _repeated(slots: np.ndarray) -> list[int]:
    """The slots that stand at several positions."""
    found, counts = np.unique(slots[slots >= 0], return_counts=True)
    return found[counts > 1].tolist()
