"""What a token is in running text: a whole word, its start, a piece of one, or a special token."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from backend.influence.answers.words import word_spans
from backend.model.tokenization import Encoded

TokenKind = Literal["word", "start", "piece", "special"]


@dataclass(frozen=True)
class TokenWord:
    """How a token is mostly used; ``word``: the word that it then stands in, lower-cased, "" for none."""

    kind: TokenKind
    word: str


def token_words(
    encoded: Sequence[Encoded], texts: Sequence[Sequence[str]], special: Collection[int]
) -> dict[int, TokenWord]:
    """Every token of some examples, as it is used in them; ties are broken alphabetically.

    ``texts`` are the texts of each example; ``special`` the ids of special tokens.
    """
    uses: defaultdict[int, Counter[TokenWord]] = defaultdict(Counter)
    for each, own in zip(encoded, texts, strict=True):
        for span in word_spans(each, own):
            word = own[span.field][span.start : span.end].lower()
            for place, position in enumerate(span.positions):
                use = TokenWord(_kind(place, len(span.positions)), word)
                uses[each.input_ids[position]][use] += 1
    every = {token for each in encoded for token in each.input_ids}
    return {
        token: TokenWord("special", "") if token in special or token not in uses else _most(uses[token])
        for token in every
    }


def _kind(place: int, pieces: int) -> TokenKind:
    if pieces == 1:
        return "word"
    return "piece" if place else "start"


def _most(uses: Counter[TokenWord]) -> TokenWord:
    return min(uses, key=lambda use: (-uses[use], use.word, use.kind))
