"""Which words of the query carry the influence over the whole result list."""

from __future__ import annotations

from backend.influence.explanation import Explanation
from pages.components.markup import Html, join, short, tag
from pages.components.numbers import Unit
from pages.components.scale import all_entries

SHOWN = 6


def word_totals(explanation: Explanation) -> list[tuple[str, float]]:
    """The query's words, lower-cased, with their scores summed over all shown examples; strongest first."""
    sums: dict[str, float] = {}
    for entry in all_entries(explanation):
        for word in entry.query_words:
            key = word.word.lower()
            sums[key] = sums.get(key, 0.0) + word.score
    return sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0]))


def strongest_words(explanation: Explanation) -> Html:
    """One line of words with their totals."""
    totals = word_totals(explanation)[:SHOWN]
    unit = Unit.of(score for _, score in totals)
    words = (
        tag(
            "span",
            tag("mark", short(word), cls=f"fw-word {_sign(score)}", style="background:transparent"),
            " ",
            tag("span", unit.signed(score), cls="fw-muted"),
            cls="fw-legend-part",
        )
        for word, score in totals
    )
    name = f"words over all {len(all_entries(explanation))} examples {unit.name}".strip()
    return tag("div", tag("span", name, cls="fw-muted"), join(words), cls="fw-legend")


def _sign(score: float) -> str:
    return "fw-plus" if score > 0 else "fw-minus"
