"""Pairs of equal words, for methods whose scores say nothing about single positions."""

from __future__ import annotations

from collections import Counter

from backend.influence.answers.explanation import Entry, WordPair


def pairs_of_equal_words(entry: Entry) -> list[WordPair]:
    """Each word of the training example with each equal word of the query, in equal shares."""
    counts = Counter(word.word.lower() for word in entry.query_words)
    return [
        WordPair(mine, theirs, theirs.score / counts[theirs.word.lower()])
        for mine in entry.query_words
        for theirs in entry.words
        if mine.word.lower() == theirs.word.lower()
    ]
