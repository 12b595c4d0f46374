"""Spans of characters."""

from __future__ import annotations

from collections.abc import Iterable

Spans = tuple[tuple[int, int], ...]


def merged(spans: Iterable[tuple[int, int]]) -> Spans:
    """The same characters in ascending spans that do not touch."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return tuple(found)


def without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """What is left of a text."""
    left, at = [], 0
    for start, end in merged(spans):
        left.append(text[at:start])
        at = end
    return "".join([*left, text[at:]])
