"""A text with its words coloured by influence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.influence.answers.explanation import WordScore
from pages.components.markup import Html, join, short, tag
from pages.components.numbers import Unit
from pages.components.scale import ColourScale

LONG = 420


@dataclass(frozen=True)
class Painter:
    """Colours words on one scale, with numbers in one unit; ``plain``: not at all."""

    scale: ColourScale
    unit: Unit
    plain: bool = False

    def text(
        self, text: str, words: Sequence[WordScore], cls: str = "fw-text", limit: int | None = None
    ) -> Html:
        """``text`` as a paragraph with ``words`` marked; with ``limit``, cut around the strongest word."""
        inside = [word for word in words if 0 <= word.start < word.end <= len(text)]
        start, end = window(text, inside, limit)
        parts: list[str] = ["… "] if start else []
        at = start
        for word in () if self.plain else sorted(inside, key=lambda each: each.start):
            if word.start < at or word.end > end:
                continue
            parts += [text[at : word.start], self.word(text[word.start : word.end], word.score)]
            at = word.end
        parts += [text[at:end], " …" if end < len(text) else ""]
        return tag("p", join(parts), cls=cls, dir="auto")

    def word(self, word: str, score: float) -> Html:
        """One word: background by score; the sign also by underline, tooltip and name for screen readers."""
        colour, name = self.scale.colour(score), short(word)
        if colour is None:
            return tag("span", word, cls="fw-faint", title=f"{name}: {self.unit.signed(score)}")
        sign, verb = ("fw-plus", "helps") if score > 0 else ("fw-minus", "harms")
        return tag(
            "mark",
            word,
            cls=f"fw-word {sign}",
            style=f"background-color:{colour}",
            title=f"{name}: {self.unit.signed(score)} {self.unit.name} ({verb})",
            aria_label=f"{name}, {verb} {self.unit.plain(abs(score))}",
        )


def window(text: str, words: Sequence[WordScore], limit: int | None) -> tuple[int, int]:
    """The part of a long text to show: ``limit`` characters around the strongest word, cut at spaces."""
    if limit is None or len(text) <= limit:
        return 0, len(text)
    strongest = max(words, key=lambda word: abs(word.score), default=None)
    centre = (strongest.start + strongest.end) // 2 if strongest else 0
    start = max(0, min(centre - limit // 2, len(text) - limit))
    end = start + limit
    if start:
        start = text.find(" ", start, start + 30) + 1 or start
    if end < len(text):
        cut = text.rfind(" ", end - 30, end)
        end = cut if cut > 0 else end
    return start, end
