"""The pieces that a match is made of: words, single signs, and the white space behind them.

A word is letters, digits and their marks, with an apostrophe inside ("don't"). Every other sign is a unit of
its own with all that belongs to it (an emoji with its skin tone, a flag), and so is every letter of scripts
that are written without blanks.
"""

from __future__ import annotations

from collections.abc import Iterable

import regex

_LETTERS = (
    r"[[\p{L}\p{N}\p{M}_\u00ad\u200c\u200d\u2060]"
    r"--[\p{Thai}\p{Lao}\p{Myanmar}\p{Khmer}\p{Han}\p{Hiragana}\p{Katakana}]]+"
)
_UNIT = rf"{_LETTERS}(?:['’]{_LETTERS})*|(?!\s)\X"
_FOUND = regex.compile(rf"(?V1)(?:{_UNIT})")
_SYMBOL = regex.compile(rf"(?V1)(?:{_UNIT})\s*")
_BLANK = regex.compile(r"(?V1)\s*\Z")


def unit_spans(text: str) -> list[tuple[int, int]]:
    """Start and end of each unit, in characters; white space lies between them."""
    return [each.span() for each in _FOUND.finditer(text)]


def symbols_of(text: str) -> list[str]:
    """Each unit with the white space behind it."""
    return _SYMBOL.findall(text)


def parts(symbol: str) -> tuple[str, str]:
    """A symbol's unit, and the white space behind it."""
    end = _BLANK.search(symbol).start()  # it matches the empty end of any text
    return symbol[:end], symbol[end:]


def folded(unit: str, blank: str) -> tuple[str, str]:
    """The same for texts that differ in case, or in how much white space there is, only."""
    return unit.casefold(), " " if blank else ""


def inner_spans(unit: str, part: str, fold: bool) -> list[tuple[int, int]]:
    """Where ``part`` lies in a unit, overlaps too: characters.

    ``fold``: case aside, ``part`` folded already; a character that is meant in part ("s" of "ß") is in.
    """
    pieces = [each.casefold() if fold else each for each in unit]
    owner = [number for number, piece in enumerate(pieces) for _ in piece]
    whole, found = "".join(pieces), []
    start = whole.find(part)
    while start >= 0:
        found.append((owner[start], owner[start + len(part) - 1] + 1))
        start = whole.find(part, start + 1)
    return found


def has_word(texts: Iterable[str]) -> bool:
    """Whether one of the units is more than punctuation."""
    return any(not _PUNCTUATION.fullmatch(each) for each in texts)


_PUNCTUATION = regex.compile(r"(?V1)[\p{P}\p{S}--\p{So}]+")
