"""From wordpieces to the words of the original text, by character offsets.

Works for any tokenizer that reports offsets. Two neighbouring pieces belong to one word if they
touch (or overlap) and no word boundary lies between them: a boundary is white space, or punctuation
on either side, except an apostrophe between letters ("don't" is one word). Marks and joiners are part
of the letter they stand at, also where the tokenizer drops them. In scripts that are written without
blanks a piece is a word, since only a dictionary would know more.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from backend.model.encoded import Encoded

_APOSTROPHES = frozenset("'\u2019")
_JOINERS = frozenset("\u00ad\u200c\u200d\u2060")  # soft hyphen, zero width non-joiner and joiner, word joiner
# Thai, Lao, Myanmar, Khmer; kana, ideographs and what goes with them; half-width kana.
_WITHOUT_BLANKS = (
    *(("\u0e00", "\u0eff"), ("\u1000", "\u109f"), ("\u1780", "\u17ff")),
    *(("\u3005", "\u3007"), ("\u3040", "\u312f"), ("\u31f0", "\u31ff"), ("\u3400", "\u9fff")),
    *(("\uf900", "\ufaff"), ("\uff66", "\uff9f"), ("\U00020000", "\U0003ffff")),
)


@dataclass(frozen=True)
class WordSpan:
    """A word: ``field`` 0 (text) or 1 (text_b), characters ``start`` to ``end``, its token positions."""

    field: int
    start: int
    end: int
    positions: tuple[int, ...]


def word_spans(encoded: Encoded, texts: Sequence[str]) -> list[WordSpan]:
    """The words of an encoded example, in reading order; special tokens belong to none.

    Every other token is in exactly one. ``texts`` are the text and, for a pair, text_b.
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
    return [_with_marks(texts[each.field], each) for each in _without_blank_ends(words)]


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
    if start >= len(text) or not all(map(_is_mark, text[last.end : start])):
        return False
    before, after = text[last.end - 1], text[start]
    if _is_mark(after) or text[start - 1] == "\u200d":
        return True
    if _stands_alone(before) or _stands_alone(after):
        return False
    if after in _APOSTROPHES:
        return _in_word(before) and _letter_at(text, start + 1)
    if before in _APOSTROPHES:
        return _in_word(after) and last.end >= 2 and _in_word(text[last.end - 2])
    return _in_word(before) and _in_word(after)


def _without_blank_ends(words: Sequence[WordSpan]) -> list[WordSpan]:
    """``words``, a last one without characters (a blank at the text's end) joined to the one before."""
    found: list[WordSpan] = []
    for word in words:
        last = found[-1] if found else None
        if last is not None and last.field == word.field and word.start == word.end:
            found[-1] = replace(last, positions=(*last.positions, *word.positions))
        else:
            found.append(word)
    return found


def _with_marks(text: str, word: WordSpan) -> WordSpan:
    """The word to the end of the marks at its last letter, which some tokenizers drop."""
    end = word.end
    while word.start < end < len(text) and _is_mark(text[end]):
        end += 1
    return word if end == word.end else replace(word, end=end)


def _letter_at(text: str, position: int) -> bool:
    return position < len(text) and text[position].isalpha()


def _in_word(character: str) -> bool:
    return character.isalnum() or _is_mark(character)


def _is_mark(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character).startswith("M")


def _stands_alone(character: str) -> bool:
    """Of a script without blanks."""
    return any(first <= character <= last for first, last in _WITHOUT_BLANKS)
