"""Entries of methods that know no tokens: shared words where they have some, else the texts alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from backend.data.equal_texts import same_texts
from backend.data.examples import FIELD_NAMES
from backend.influence.answers.conversation_entries import fields_at
from backend.influence.answers.explanation import Entry, TokenScore, WordScore
from backend.influence.answers.method import Asked
from backend.influence.answers.ranking import Ranked

_WORD = re.compile(r"\w+")


def lexical_words(text: str) -> Iterator[tuple[str, int, int]]:
    """The words that lexical methods see, lower-cased, with the characters that they cover."""
    for found in _WORD.finditer(text):
        yield found.group().lower(), found.start(), found.end()


def plain_entries(
    asked: Asked,
    ranked: Ranked,
    ranks: Sequence[int],
    percentiles: Sequence[float],
    terms: list[dict[str, float]] | None,
) -> list[Entry]:
    """One entry per ranked example; ``terms`` are shares of a similarity, which are scaled to the score."""
    train, scores = asked.engine.train, ranked.scores.tolist()
    entries = []
    for place, position in enumerate(ranked.positions.tolist()):
        texts = train.texts_of(position)
        fields = fields_at(train, position) if asked.language else []
        said = [each.text for each in fields] if asked.language else texts
        names = [each.name for each in fields] if asked.language else FIELD_NAMES
        parts = _scaled(terms[place], scores[place]) if terms is not None else {}
        entries.append(
            Entry(
                rank=ranks[place],
                id=train.ids[position],
                text=texts[0],
                text_b=texts[1] if len(texts) > 1 else None,
                label=train.labels[position],
                score=scores[place],
                percentile=percentiles[place],
                tokens=[
                    TokenScore(word, -1, False, share)
                    for word, share in sorted(parts.items(), key=lambda item: (-abs(item[1]), item[0]))
                ],
                words=_words(said, names, parts),
                query_words=_words(asked.said, _numbers(asked) or FIELD_NAMES, parts),
                special=0.0,
                same_text=same_texts(texts, asked.texts),
                fields=fields,
            )
        )
    return entries


def _scaled(parts: dict[str, float], score: float) -> dict[str, float]:
    total = sum(parts.values())
    return {word: share * score / total for word, share in parts.items()} if total else {}


def _numbers(asked: Asked) -> list[str]:
    """The names of the query's fields, of a language model."""
    return [str(number) for number in range(len(asked.fields))] if asked.language else []


def _words(texts: Sequence[str], names: Sequence[str], parts: dict[str, float]) -> list[WordScore]:
    """Every occurrence of a shared word, with an equal share of what the word carries; ``names``: of the
    texts."""
    found = [
        (word, start, end, field)
        for field, text in enumerate(texts)
        for word, start, end in lexical_words(text)
        if word in parts
    ]
    counts: dict[str, int] = {}
    for word, *_ in found:
        counts[word] = counts.get(word, 0) + 1
    return [
        WordScore(texts[field][start:end], start, end, parts[word] / counts[word], names[field])
        for word, start, end, field in found
    ]
