"""The words of a pair as rows of a table that adds up to the score."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from backend.influence.answers.explanation import Entry, WordScore

SHOWN_WORDS = 10
NEGLIGIBLE = 1e-6  # of the largest row: rounding of the sums, not a word


@dataclass(frozen=True)
class WordRow:
    """One row: how often the word stands in either text (None: not a word) and what it carries."""

    name: str
    kind: Literal["word", "special", "other", "total"]
    score: float
    in_query: int | None = None
    in_training: int | None = None


def word_rows(entry: Entry, shown: int = SHOWN_WORDS) -> list[WordRow]:
    """Words by falling |score|, "special tokens", "other" where something is not shown, and the total.

    All rows but the last add up to the last, the entry's score.
    """
    sums: dict[str, float] = {}
    for word in entry.words:
        key = _key(word)
        sums[key] = sums.get(key, 0.0) + word.score
    in_query, in_training = _counts(entry.query_words), _counts(entry.words)
    ranked = sorted(sums, key=lambda key: (-abs(sums[key]), key))
    rows = [WordRow(key, "word", sums[key], in_query[key], in_training[key]) for key in ranked[:shown]]
    rows.append(WordRow(special_name(entry), "special", entry.special))
    rest = entry.score - sum(row.score for row in rows)
    hidden = len(ranked) - shown
    if hidden > 0 or abs(rest) > NEGLIGIBLE * max(abs(row.score) for row in rows):
        name = f"other ({hidden} more word{'' if hidden == 1 else 's'})" if hidden > 0 else "other"
        rows.append(WordRow(name, "other", rest))
    return [*rows, WordRow("score", "total", entry.score)]


def _key(word: WordScore) -> str:
    return word.word.lower() + (" (written)" if word.side == "written" else "")


def mostly_special(entry: Entry) -> bool:
    """Whether special tokens carry more than half of all that the score is made of, signs aside."""
    return abs(entry.special) > sum(abs(word.score) for word in entry.words)


def special_name(entry: Entry, between: str = " ") -> str:
    """ "special tokens [CLS] [SEP]", as far as they are known; those of a chat are many."""
    if entry.fields:
        return "template tokens"
    names = sorted({token.token for token in entry.tokens if token.special})
    return f"special tokens {between.join(names)}".strip()


def _counts(words: list[WordScore]) -> Counter[str]:
    return Counter(_key(word) for word in words)
