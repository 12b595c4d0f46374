"""From wordpieces to the words of the original text, by character offsets.

Works for any tokenizer that reports offsets. Two neighbouring pieces belong to one word if they
touch (or overlap) and no word boundary lies between them: a boundary is white space, or punctuation
on either side, except an apostrophe between letters ("don't" is one word).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from backend.model.tokenization import Encoded

_APOSTROPHES = frozenset("'\u2019")


@dataclass(frozen=True)
class WordSpan:
    """A word: ``field`` 0 (text) or 1 (text_b), characters ``start`` to ``end``, its token positions."""

    field: int
    start: int
    end: int
    positions: tuple[int, ...]


def word_spans(encoded: Encoded, texts: Sequence[str]) -> list[WordSpan]:
    """The words of an encoded example, in reading order; special tokens belong to none.

    ``texts`` are the text and, for a pair, text_b.
    """
    words: list[WordSpan] = []
    for position, field in enumerate(encoded.fields):
        if field < 0:
            continue
        start, end = _trimmed(texts[field], *encoded.offsets[position])
        last = words[-1] if words else None
        if last is not None and last.field == field and _continues(texts[field], last, start):
            begin = start if last.start == last.end else min(last.start, start)
            words[-1] = WordSpan(field, begin, max(last.end, end), (*last.positions, position))
        else:
            words.append(WordSpan(field, start, end, (position,)))
    return words


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _continues(text: str, last: WordSpan, start: int) -> bool:
    """Whether a piece that begins at ``start`` continues the word ``last``.

    A piece without characters (a bare word-start mark) belongs to what follows it.
    """
    if start < last.end or last.start == last.end:
        return True
    if start > last.end or start >= len(text):
        return False
    before, after = text[start - 1], text[start]
    if _is_ideograph(before) or _is_ideograph(after):
        return False
    if after in _APOSTROPHES:
        return _in_word(before) and _letter_at(text, start + 1)
    if before in _APOSTROPHES:
        return _in_word(after) and start >= 2 and _in_word(text[start - 2])
    return _in_word(before) and _in_word(after)


def _letter_at(text: str, position: int) -> bool:
    return position < len(text) and text[position].isalpha()


def _in_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _is_ideograph(character: str) -> bool:
    return "\u3040" <= character <= "\u30ff" or "\u3400" <= character <= "\u9fff" or character >= "\U00020000"
