"""The text of a turn with its words coloured by influence, those read apart from those written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from backend.data.conversation import Turn
from pages.components.highlight import Painter
from pages.components.markup import Html, join, short, tag

SIDES = ("read", "written")
MOST_LINES = 8  # of a turn that is folded
MOST_CHARACTERS = 640
_LEAD = 3  # lines shown before the strongest word
Span = tuple[int, int]


class TurnWord(Protocol):
    """The part of a score at characters ``start`` to ``end`` of the turn whose number is ``field``.

    ``side``: ``read`` where the model reads the word, ``written`` where it learns to write it.
    """

    @property
    def start(self) -> int:
        """First character."""

    @property
    def end(self) -> int:
        """Behind the last."""

    @property
    def score(self) -> float:
        """Above 0 helps, below harms."""

    @property
    def field(self) -> str | int:
        """The turn's number."""

    @property
    def side(self) -> str:
        """How the model meets the word."""


@dataclass
class _Word:
    """Characters with the score of each side; words that overlap are one."""

    start: int
    end: int
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return sum(self.scores.values())


def words_of_turn(turn: Turn, words: Iterable[TurnWord]) -> list[TurnWord]:
    """Those of a turn that lie within its text."""
    own = (each for each in words if str(each.field) == str(turn.number))
    return [each for each in own if 0 <= each.start < each.end <= len(turn.text)]


def turn_text(
    turn: Turn,
    words: Sequence[TurnWord] = (),
    painter: Painter | None = None,
    marks: Sequence[Span] = (),
    mark_as: str = "asked about",
) -> Html:
    """The text as a paragraph; a long one is folded around its strongest word, with a way to see all.

    ``words`` are those of this turn; without ``painter`` none is coloured. ``marks``: characters that are
    framed, and ``mark_as`` why.
    """
    drawing = _Drawing(
        turn, _merged(words if painter is not None and not painter.plain else ()), painter, marks, mark_as
    )
    length = len(turn.text)
    start, end = _window(turn.text, drawing.words)
    if (start, end) == (0, length):
        return tag("p", drawing.part(0, length), cls="fw-text", dir="auto")
    dots = tag("span", " … ", cls="fw-dots", aria_hidden="true")
    pieces = [drawing.part(start, end)]
    if start:
        pieces = [tag("span", drawing.part(0, start), cls="fw-folded"), dots, *pieces]
    if end < length:
        pieces += [dots, tag("span", drawing.part(end, length), cls="fw-folded")]
    summary = tag(
        "summary",
        tag("span", f"show all {length:,} characters", cls="fw-more"),
        tag("span", "show less", cls="fw-less"),
    )
    shown = tag("p", join(pieces), cls="fw-text", dir="auto")
    return tag("div", shown, tag("details", summary, cls="fw-unfold"), cls="fw-long")


def _merged(words: Sequence[TurnWord]) -> list[_Word]:
    found: list[_Word] = []
    for each in sorted(words, key=lambda word: word.start):
        if not found or each.start >= found[-1].end:
            found.append(_Word(each.start, each.end))
        last = found[-1]
        last.end = max(last.end, each.end)
        last.scores[each.side] = last.scores.get(each.side, 0.0) + each.score
    return found


def _window(text: str, words: Sequence[_Word]) -> Span:
    """Which characters are shown while a text is folded: some lines, with the strongest word among them."""
    if len(text) <= 1.25 * MOST_CHARACTERS and text.count("\n") < MOST_LINES:
        return 0, len(text)
    strongest = max(words, key=lambda each: abs(each.total), default=None)
    centre = strongest.end if strongest is not None else 0
    start = 0
    if centre > MOST_CHARACTERS or text.count("\n", 0, centre) >= MOST_LINES:
        start = max(0, centre - MOST_CHARACTERS // 2)
        lead = text[start:centre].split("\n")[-_LEAD:]
        start = centre - len("\n".join(lead))
    end = start + len("\n".join(text[start : start + MOST_CHARACTERS].split("\n")[:MOST_LINES]))
    for each in words:  # a word is drawn whole
        start = each.start if each.start < start < each.end else start
        end = each.end if each.start < end < each.end else end
    return start, end


@dataclass(frozen=True)
class _Drawing:
    """Draws stretches of one turn."""

    turn: Turn
    words: Sequence[_Word]
    painter: Painter | None
    marks: Sequence[Span]
    mark_as: str

    def part(self, start: int, end: int) -> Html:
        """Characters ``start`` to ``end``, which cut no word."""
        inside = {each.start: each for each in self.words if start <= each.start and each.end <= end}
        within = {cut for each in inside.values() for cut in range(each.start + 1, each.end)}
        edges = {cut for span in (*self.turn.masked, *self.marks) for cut in span if start < cut < end}
        cuts = sorted({start, end, *(edges - within), *inside, *(each.end for each in inside.values())})
        return join(self._piece(a, b, inside.get(a)) for a, b in pairwise(cuts))

    def _piece(self, start: int, end: int, word: _Word | None) -> Html:
        text = self.turn.text[start:end]
        drawn = join([text]) if word is None or self.painter is None else _word(text, word, self.painter)
        if _meets(self.turn.masked, start, end):
            title = "taken out of the loss: the model does not learn to write these words"
            drawn = tag("span", drawn, cls="fw-masked", title=title)
        return (
            tag("span", drawn, cls="fw-asked", title=self.mark_as)
            if _meets(self.marks, start, end)
            else drawn
        )


def _meets(spans: Sequence[Span], start: int, end: int) -> bool:
    return any(a < end and start < b for a, b in spans)


def _word(text: str, word: _Word, painter: Painter) -> Html:
    """Colour and sign by the sum of both sides; a line below where it is read, above where written."""
    unit, total, name = painter.unit, word.total, short(text)
    sides = [each for each in SIDES if each in word.scores]
    parts = ", ".join(f"{side} {unit.signed(word.scores[side])}" for side in sides)
    colour = painter.scale.colour(total)
    if colour is None:
        return tag("span", text, cls="fw-faint", title=f"{name}: {parts}")
    sign, verb = ("fw-plus", "helps") if total > 0 else ("fw-minus", "harms")
    return tag(
        "mark",
        text,
        cls=" ".join(["fw-word", sign, *(f"fw-{side}" for side in sides)]),
        style=f"background-color:{colour}",
        title=" ".join(filter(None, [f"{name}: {parts}", unit.name, f"({verb})"])),
        aria_label=f"{name}, {verb}: {parts}",
    )
