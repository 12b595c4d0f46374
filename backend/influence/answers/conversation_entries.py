"""From ranked conversations to what a person reads: words of their turns, read and written, with shares.

As `backend.influence.answers.entries`, but side by side: a position's share on a side is the product of its
gradient there with the query's row of its token, ``sum_c eta_c g(position) . g_c(q, w)``. Over all positions
and sides that is the score; what lies at template tokens is told in one sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from backend.data.conversation import Conversation
from backend.data.dataset import Split
from backend.data.equal_texts import text_key
from backend.influence.answers.explanation import Entry, Field, TokenScore, WordPair, WordScore
from backend.influence.answers.ranking import Ranked
from backend.influence.answers.words import word_spans
from backend.influence.gradients.sides import OF_TEMPLATE, has_row
from backend.influence.gradients.traced import TracedExample
from backend.model.encoded import Encoded

if TYPE_CHECKING:  # torch, which a list of methods must not wait for
    from backend.influence.gradients.tracing import Checkpoints
    from backend.influence.rowstore.store import ExampleRows

Shares = dict[str, np.ndarray]
"""By side, each position's share of a score: float64 (L), NaN where nothing is shared."""


def fields_of(conversation: Conversation, instead: str | None = None) -> list[Field]:
    """The turns that a model reads, by number, and behind them what might stand in an answer's place."""
    found = [Field(str(each.number), each.text, each.role, each.learnt) for each in conversation.shown]
    if instead is not None:
        found.append(Field(str(len(conversation.turns)), instead, "instead", True))
    return found


def conversation_at(rows: Split, position: int) -> Conversation:
    """The row at a 0-based place."""
    return Conversation.of(rows.texts_of(position)[0], rows.labels[position])


def fields_at(rows: Split, position: int) -> list[Field]:
    """Its turns."""
    return fields_of(conversation_at(rows, position))


@dataclass(frozen=True)
class ConversationEntries:
    """Builds entries for one query. ``context``, ``texts``: of the query, the latter by field.

    ``rows``: those that the ranked examples were scored with, one per channel; ``query`` has the same
    coordinates and is changed as the score mode asks.
    """

    checkpoints: Checkpoints
    rows: Sequence[ExampleRows]
    train: Split
    query: TracedExample
    context: str
    texts: Sequence[str]

    def build(self, ranked: Ranked, ranks: Sequence[int], percentiles: Sequence[float]) -> list[Entry]:
        """One entry per ranked example, with the given ranks and percentiles."""
        if not len(ranked.positions):
            return []
        encoded = self.checkpoints.encode(self.train.take(ranked.positions))
        return [
            self._entry(int(position), encoded[place], float(ranked.factors[place]), rank, percentile)
            for place, (position, rank, percentile) in enumerate(
                zip(ranked.positions.tolist(), ranks, percentiles, strict=True)
            )
        ]

    def word_pairs(self, ranked: Ranked, entry: Entry) -> list[WordPair]:
        """What each word of the query carries with each word of the one example of ``ranked``, on a side."""
        position = int(ranked.positions[0])
        encoded = self.checkpoints.encode(self.train.take(ranked.positions))[0]
        mine = _word_at(self.query.encoded, self.texts, entry.query_words)
        theirs = _word_at(encoded, _texts(conversation_at(self.train, position)), entry.words)
        sums: dict[tuple[int, int], float] = {}
        for match in self._matches(position, encoded):
            if match.side in OF_TEMPLATE:
                continue
            parts = self.query.position_rows[match.channel, match.asked] @ match.rows.T * ranked.factors[0]
            for row, one in enumerate(match.asked.tolist()):
                for column, other in enumerate(match.places.tolist()):
                    key = mine.get((match.side, one), -1), theirs.get((match.side, other), -1)
                    if min(key) >= 0:
                        sums[key] = sums.get(key, 0.0) + float(parts[row, column])
        return [
            WordPair(entry.query_words[one], entry.words[other], score)
            for (one, other), score in sorted(sums.items())
        ]

    def _entry(self, position: int, encoded: Encoded, factor: float, rank: int, percentile: float) -> Entry:
        conversation = conversation_at(self.train, position)
        theirs, mine = self._shares(position, encoded, factor)
        texts = _texts(conversation)
        words, special = _words(encoded, texts, theirs)
        query_words, _ = _words(self.query.encoded, self.texts, mine)
        tokens = self._tokens(encoded, theirs)
        return Entry(
            rank=rank,
            id=self.train.ids[position],
            text=self.train.texts_of(position)[0],
            text_b=None,
            label=self.train.labels[position],
            score=sum(each.score for each in tokens),
            percentile=percentile,
            tokens=tokens,
            words=words,
            query_words=query_words,
            special=special,
            same_text=text_key(self.context) == text_key(*self.train.texts_of(position)),
            truncated=encoded.truncated,
            fields=fields_of(conversation),
        )

    def _shares(self, position: int, encoded: Encoded, factor: float) -> tuple[Shares, Shares]:
        """Shares of the example's positions, and of the query's."""
        theirs: Shares = {}
        mine: Shares = {}
        for match in self._matches(position, encoded):
            row = self.query.rows[match.channel, match.slot]
            _add(theirs, match.side, len(encoded), match.places, match.rows @ row * factor)
            parts = self.query.position_rows[match.channel, match.asked] @ match.rows.sum(axis=0) * factor
            _add(mine, match.side, len(self.query.encoded), match.asked, parts)
        return theirs, mine

    def _matches(self, position: int, encoded: Encoded) -> Iterator[_Match]:
        """Channel by channel, the tokens that query and example share."""
        ids = np.asarray(encoded.input_ids, dtype=np.int64)
        for number, channel in enumerate(self.checkpoints.channels):
            asked = self._asked[number]
            if not len(asked):
                continue
            places = np.flatnonzero(has_row(channel.side, encoded, self.checkpoints.padding_row))
            here = ids[places]
            for slot in asked[np.isin(self.query.tokens[asked], here)].tolist():
                token = int(self.query.tokens[slot])
                yield _Match(
                    channel.side,
                    number,
                    slot,
                    places[here == token],
                    np.flatnonzero(self.query.slots == slot),
                    self.rows[number].positions(position, token),
                )

    @cached_property
    def _asked(self) -> list[np.ndarray]:
        """By channel, the slots of the query's tokens whose row is not 0."""
        return [np.flatnonzero(rows.any(axis=1)) for rows in self.query.rows]

    def _tokens(self, encoded: Encoded, shares: Shares) -> list[TokenScore]:
        """The matched tokens, side by side, strongest first; those of a template are special."""
        sums: dict[tuple[str, int, int], float] = {}
        for side, share in shares.items():
            for place in np.flatnonzero(~np.isnan(share)).tolist():
                key = side, encoded.input_ids[place], encoded.fields[place]
                sums[key] = sums.get(key, 0.0) + float(share[place])
        names = self.checkpoints.tokenizer.convert_ids_to_tokens([token for _, token, _ in sums])
        found = [
            TokenScore(
                name,
                token,
                side in OF_TEMPLATE,
                score,
                side=side.removeprefix("template-"),
                field=None if field < 0 else str(field),
            )
            for name, ((side, token, field), score) in zip(names, sums.items(), strict=True)
        ]
        return sorted(found, key=lambda each: -abs(each.score))


@dataclass(frozen=True)
class _Match:
    """A token that query and example share in a channel: its ``slot``, its ``places`` in the example (m),
    those ``asked`` about in the query, and the example's ``rows`` there, float32 (m, r)."""

    side: str
    channel: int
    slot: int
    places: np.ndarray
    asked: np.ndarray
    rows: np.ndarray


def _texts(conversation: Conversation) -> list[str]:
    """By number of the turn."""
    return [each.text for each in conversation.turns]


def _add(shares: Shares, side: str, length: int, places: np.ndarray, parts: np.ndarray) -> None:
    share = shares.setdefault(side, np.full(length, np.nan))
    share[places] = np.nan_to_num(share[places]) + parts


def _words(encoded: Encoded, texts: Sequence[str], shares: Shares) -> tuple[list[WordScore], float]:
    """Words with their share on each side, and what template tokens carry."""
    spans = word_spans(encoded, texts)
    words, special = [], 0.0
    for side, share in shares.items():
        if side in OF_TEMPLATE:
            special += float(np.nansum(share))
            continue
        for span in spans:
            carried = [each for each in span.positions if not np.isnan(share[each])]
            if carried:
                text = texts[span.field][span.start : span.end]
                total = float(share[carried].sum())
                words.append(WordScore(text, span.start, span.end, total, str(span.field), side))
    return sorted(words, key=lambda each: (int(each.field), each.start, each.side)), special


def _word_at(
    encoded: Encoded, texts: Sequence[str], words: Sequence[WordScore]
) -> dict[tuple[str, int], int]:
    """Which of ``words`` each position belongs to, on each side."""
    number = {(each.side, each.field, each.start, each.end): place for place, each in enumerate(words)}
    sides = {each.side for each in words}
    return {
        (side, position): number[key]
        for span in word_spans(encoded, texts)
        for side in sides
        if (key := (side, str(span.field), span.start, span.end)) in number
        for position in span.positions
    }
