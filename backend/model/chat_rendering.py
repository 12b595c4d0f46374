"""A conversation as its chat template writes it, and where in that each turn's text stands.

A text is never searched for. The template is run twice, the second time with a mark of our own before and
behind each turn's text: what lies between the marks is the turn's, all else the template's. Templates may
strip white space from texts, or leave out how a text begins (what an assistant thought before it answered);
where one changes more than that, no token could be said to be a turn's, so it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from backend.data.conversation import Conversation, Turn
from backend.errors import InputError
from backend.model.chat_template import ChatTemplate, Unreadable, without_surrogates

_AREAS = ((0xF0000, 0xFFFFD), (0x100000, 0x10FFFD), (0xE000, 0xF8FF))  # of characters for private use


@dataclass(frozen=True)
class Piece:
    """Characters ``start`` to ``end`` of a rendered text: those of a turn's text from ``shift`` on."""

    start: int
    end: int
    turn: int
    shift: int = 0


@dataclass(frozen=True)
class Rendered:
    """What the model reads of a conversation; ``pieces`` in order, none empty, are the turns' own."""

    text: str
    pieces: tuple[Piece, ...]


def render(template: ChatTemplate, conversation: Conversation) -> Rendered:
    """What the model reads of a chat; `Unreadable` where the template refuses it, or changes its texts."""
    template.require()
    turns = [replace(each, text=without_surrogates(each.text)) for each in conversation.shown]
    plain = template.write(turns, conversation.tools)
    pieces = _found(template, plain, turns, conversation.tools)
    if pieces is None and (ends := _kept_ends(template, plain, turns, conversation.tools)) is not None:
        later = {each.number: len(each.text) - len(end.text) for each, end in zip(turns, ends, strict=True)}
        found = _found(template, plain, ends, conversation.tools)
        pieces = found and [replace(each, shift=each.shift + later[each.turn]) for each in found]
    if pieces is not None:
        return Rendered(plain, _required(pieces, turns))
    raise Unreadable(
        turns,
        "the chat template changes the texts of its turns, so no token can be said to be theirs; use one "
        "that writes texts as they are",
    )


def _found(
    template: ChatTemplate, plain: str, turns: Sequence[Turn], tools: Sequence[object] | None
) -> list[Piece] | None:
    """The turns' pieces in what was rendered; None where the texts are not there as they are."""
    for marker in _markers(plain, turns):
        try:
            marked = template.write([marker.marked(each) for each in turns], tools)
        except InputError:  # one that asks how a text begins
            continue
        pieces = _aligned(plain, marker.cut(marked, turns), {each.number: each.text for each in turns})
        if pieces is not None:
            return pieces
    return None


def _kept_ends(
    template: ChatTemplate, plain: str, turns: Sequence[Turn], tools: Sequence[object] | None
) -> list[Turn] | None:
    """The turns with as much of the end of each text as is rendered, if nothing at all is of the rest: then
    the template writes the same of them."""
    marker = next(each for each in _markers(plain, turns) if not each.before and not each.empty)
    try:
        marked = template.write([marker.marked(each) for each in turns], tools)
    except InputError:
        return None
    ends = [replace(each, text=marker.kept_end(marked, each)) for each in turns]
    return ends if ends != list(turns) and template.write(ends, tools) == plain else None


# -- marks -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Marker:
    """Puts a mark behind each text, and one ``before`` it; not at ``empty`` texts unless it is told to."""

    first: int
    count: int
    before: bool
    empty: bool

    def marked(self, turn: Turn) -> Turn:
        if not turn.text and not self.empty:
            return turn
        start, end = self._marks(turn.number)
        return replace(turn, text=f"{start if self.before else ''}{turn.text}{end}")

    def cut(self, marked: str, turns: Sequence[Turn]) -> list[tuple[str, int | None]] | None:
        """What was rendered in pieces: text, and the turn that it is of, None of the template's own.

        None where the marks do not enclose the texts.
        """
        texts = {each.number: each.text for each in turns}
        spans = self._enclosed(marked) if self.before else self._before_ends(marked, texts)
        found: list[tuple[str, int | None]] = []
        at = 0
        for number, start, end, after in spans:
            if number not in texts or marked[start:end] != texts[number] or start < at:
                return None
            found += [(self._clean(marked[at:start]), None), (texts[number], number)]
            at = after
        return [*found, (self._clean(marked[at:]), None)]

    def kept_end(self, marked: str, turn: Turn) -> str:
        """The longest end of a text that stands before its mark, without white space at its start if that is
        not all of it; all of it where there is no mark."""
        place = marked.find(self._marks(turn.number)[1])
        before = marked[max(place - len(turn.text), 0) : place] if place >= 0 else turn.text
        if before == turn.text:
            return turn.text
        same = takewhile(
            lambda both: both[0] == both[1], zip(reversed(turn.text), reversed(before), strict=False)
        )
        length = sum(1 for _ in same)
        return turn.text[len(turn.text) - length :].lstrip()

    def _marks(self, number: int) -> tuple[str, str]:
        return chr(self.first + 2 * number), chr(self.first + 2 * number + 1)

    def _clean(self, text: str) -> str:
        last = chr(self.first + 2 * self.count - 1)
        return re.sub(f"[{chr(self.first)}-{last}]", "", text)

    def _enclosed(self, marked: str) -> Iterator[tuple[int, int, int, int]]:
        """Turn, start and end of its text, and what comes after the mark."""
        opened: tuple[int, int] | None = None
        for found in self._found(marked):
            number, closes = divmod(ord(found.group()) - self.first, 2)
            if not closes:
                opened = number, found.end()
            elif opened is not None and opened[0] == number:
                yield number, opened[1], found.start(), found.end()
                opened = None
            else:
                yield number, -1, -1, -1

    def _before_ends(self, marked: str, texts: dict[int, str]) -> Iterator[tuple[int, int, int, int]]:
        for found in self._found(marked):
            number = (ord(found.group()) - self.first) // 2
            yield number, found.start() - len(texts.get(number, "")), found.start(), found.end()

    def _found(self, marked: str) -> Iterator[re.Match[str]]:
        last = chr(self.first + 2 * self.count - 1)
        return re.finditer(f"[{chr(self.first)}-{last}]", marked)


def _markers(plain: str, turns: Sequence[Turn]) -> list[_Marker]:
    """What to try in turn: a template may look at how a text begins, or at whether there is one."""
    count = max((each.number for each in turns), default=0) + 1
    first = free_characters(2 * count, plain, turns)
    return [_Marker(first, count, before, empty) for before in (True, False) for empty in (True, False)]


def free_characters(count: int, plain: str, turns: Sequence[Turn]) -> int:
    """The first of so many characters for private use in a row that stand nowhere."""
    used = {ord(each) for each in set(plain).union(*(each.text for each in turns))}
    for low, high in _AREAS:
        for start in range(low, high - count, count):
            if used.isdisjoint(range(start, start + count)):
                return start
    raise Unreadable(turns, f"{len(turns):,} turns are more than can be told apart")


# -- alignment -------------------------------------------------------------------------------------


def _aligned(
    plain: str, parts: Sequence[tuple[str, int | None]] | None, texts: dict[int, str]
) -> list[Piece] | None:
    """The turns' pieces in the text as rendered without marks, where white space may have been stripped;
    None where the two differ in anything else."""
    found: list[Piece] = []
    at = 0
    for place, (part, number) in enumerate(parts or ()):
        if number is None:
            if not plain.startswith(part, at):
                return None
            at += len(part)
            continue
        shift, end = _stripped(plain, at, part, (parts or ())[place + 1][0])
        if end < at or plain[at:end] != part[shift : shift + end - at]:
            return None
        if end > at:
            found.append(Piece(at, end, number, shift))
        at = end
    return found if parts is not None and at == len(plain) else None


def _stripped(plain: str, at: int, text: str, follows: str) -> tuple[int, int]:
    """How many characters of white space a text that stands at ``at`` lost at its start, and where it ends.

    What is left of the white space behind it is what the template's next words leave.
    """
    core = text.strip()
    lead = len(text) - len(text.lstrip()) if core else 0
    shift = lead - min(_spaces(plain, at), lead)
    end = at + lead - shift + len(core)
    behind = len(text) - lead - len(core)
    return shift, end + min(behind, _spaces(plain, end) - _spaces(follows, 0))


_SPACES = re.compile(r"\s*")


def _spaces(text: str, at: int) -> int:
    """Length of the white space at a place."""
    found = _SPACES.match(text, at)
    return found.end() - at if found else 0


def _required(pieces: list[Piece], turns: Sequence[Turn]) -> tuple[Piece, ...]:
    """The pieces; `InputError` where the template leaves out a text that is to be learnt."""
    there = {each.turn for each in pieces}
    for turn in turns:
        if turn.learnt and turn.text.strip() and turn.number not in there:
            raise Unreadable(turns, f"the chat template leaves out turn {turn.number + 1}")
    return tuple(pieces)
