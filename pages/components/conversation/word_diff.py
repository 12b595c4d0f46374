"""What an edit changed, word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "out", "in"]
_WORD = re.compile(r"\s+|\w+|[^\w\s]")
_MOST = 4_000_000  # pairs of words compared; more would make a page wait


@dataclass(frozen=True)
class Piece:
    """A part of a text that stayed, was taken out, or came in."""

    kind: Kind
    text: str


def word_diff(old: str, new: str) -> list[Piece]:
    """From ``old`` to ``new``: what stayed or went is the old text, what stayed or came the new.

    Of what changed at one place, what went stands first. Words between the first and the last change are
    compared where there are not too many, else all of them went and came.
    """
    before, after = _WORD.findall(old), _WORD.findall(new)
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    inner = before[start : len(before) - end], after[start : len(after) - end]
    pieces = [Piece("same", "".join(before[:start])), *_compared(*inner)]
    pieces.append(Piece("same", "".join(before[len(before) - end :])))
    return [each for each in pieces if each.text]


def carried(spans: Sequence[tuple[int, int]], old: str, new: str) -> tuple[tuple[int, int], ...]:
    """Where spans of ``old`` stand in ``new``; those in which something changed are left out."""
    found, before, after = [], 0, 0
    for piece in word_diff(old, new):
        length = len(piece.text)
        if piece.kind == "same":
            inside = [(a, b) for a, b in spans if before <= a and b <= before + length]
            found += [(a - before + after, b - before + after) for a, b in inside]
        before += length if piece.kind != "in" else 0
        after += length if piece.kind != "out" else 0
    return tuple(sorted(found))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many of the first are equal."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def _compared(before: list[str], after: list[str]) -> list[Piece]:
    if len(before) * len(after) > _MOST:
        return [Piece("out", "".join(before)), Piece("in", "".join(after))]
    pieces = []
    for name, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if name == "equal":
            pieces.append(Piece("same", "".join(before[a:b])))
        else:
            pieces += [Piece("out", "".join(before[a:b])), Piece("in", "".join(after[c:d]))]
    return pieces
