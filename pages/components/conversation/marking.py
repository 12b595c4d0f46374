"""Marking words of a text, by mouse, by keyboard, or from a list: the browser's part and Python's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import streamlit as st

from pages.components import keys
from pages.components.markup import short

Span = tuple[int, int]
_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "firstword_marking",
    html='<div class="marking"></div>',
    css=(_HERE / "marking.css").read_text(encoding="utf-8"),
    js=(_HERE / "marking.js").read_text(encoding="utf-8"),
)
# A word of letters and digits with the apostrophes and marks in it; a sign of a script without spaces; or any
# other sign with what is joined to it, as of an emoji of several.
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_JOINED = "\u0300-\u036f\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff"
_WORD = re.compile(
    rf"[{_ALONE}][{_JOINED}]*|(?:(?![{_ALONE}])\w[{_JOINED}]*)+(?:['’](?:(?![{_ALONE}])\w)+)*"
    rf"|[^\w\s](?:[{_JOINED}]+(?:(?<=\u200d)[^\w\s])?)*"
)
HINT = "Drag over words, or use the arrows with Shift; Space marks one word, Escape clears."
MOST_LISTED = 1_500  # words that the list offers


def words_in(text: str) -> list[Span]:
    """Where the words of a text are, that can be marked."""
    return [match.span() for match in _WORD.finditer(text)]


def spans_of(text: str, marked: Iterable[int]) -> list[Span]:
    """The characters of words by their numbers; words with nothing but white space between are one span."""
    words, spans = words_in(text), list[Span]()
    for number in sorted(set(marked)):
        if not 0 <= number < len(words):
            continue
        start, end = words[number]
        if spans and not text[spans[-1][1] : start].strip():
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def words_within(text: str, spans: Sequence[Span]) -> list[int]:
    """The numbers of the words that spans touch."""
    return [
        number
        for number, (start, end) in enumerate(words_in(text))
        if any(a < end and start < b for a, b in spans)
    ]


def mark_words(
    text: str, key: str, name: str, done: str = "marked", first: Sequence[Span] = ()
) -> list[Span]:
    """Let words of ``text`` be marked; the characters of what is marked, [] of nothing.

    ``name`` says for screen readers what it is, ``done`` what words that are marked have become. ``first``:
    what is marked as long as nobody has marked anything. ``key``: one for each text.
    """
    chosen, words = f"marks-{key}", words_in(text)
    if keys.get(chosen) is None:
        keys.put(chosen, words_within(text, first))
    marked = [number for number in keys.get(chosen) if number < len(words)]
    seen = f"marking-{key}"
    _COMPONENT(
        key=seen,
        data={"pieces": _pieces(text, words), "marked": marked, "name": name, "done": done, "hint": HINT},
        on_marked_change=lambda: _hear(seen, chosen),
    )
    _list(text, words, marked, key, chosen)
    return spans_of(text, marked)


def forget_marks(key: str) -> None:
    """In a callback: as if nothing had been marked by hand."""
    keys.put(f"marks-{key}", None)


def _hear(seen: str, chosen: str) -> None:
    """What the browser says was marked, which may be anything."""
    said = (keys.get(seen) or {}).get("marked") or {}
    numbers = said.get("words") if isinstance(said, Mapping) else None
    kept = [each for each in numbers or () if isinstance(each, int) and each >= 0]
    keys.put(chosen, kept)


def _list(text: str, words: Sequence[Span], marked: Sequence[int], key: str, chosen: str) -> None:
    """The same choice from a list, for those who can't see the words side by side."""
    if len(words) > MOST_LISTED:
        return
    listed = f"marks-list-{key}"
    names = {number: f"{number + 1}: {text[a:b]}" for number, (a, b) in enumerate(words)}
    keys.put(listed, list(marked))
    with st.popover("Mark from a list", type="tertiary", icon=":material/list:"):
        st.multiselect(
            "Marked words",
            list(names),
            format_func=lambda number: short(names[number], 60),
            key=listed,
            on_change=lambda: keys.put(chosen, list(keys.get(listed) or ())),
        )


def _pieces(text: str, words: Sequence[Span]) -> list[tuple[str, bool]]:
    """The text in words and what stands between them."""
    pieces, at = list[tuple[str, bool]](), 0
    for start, end in words:
        pieces += [(text[at:start], False)] if at < start else []
        pieces.append((text[start:end], True))
        at = end
    return pieces + ([(text[at:], False)] if at < len(text) else [])
