"""What the colours mean, with numbers."""

from __future__ import annotations

from pages.components.markup import Html, join, short, tag
from pages.components.numbers import Unit
from pages.components.scale import ColourScale

STEPS = 12


def legend(scale: ColourScale, unit: Unit, label: str) -> Html:
    """One line: the colour scale with its ends, and the two underlines."""
    if scale.limit <= 0:
        return tag("div", "No shared word carries any score.", cls="fw-legend")
    swatches = (
        tag(
            "span",
            cls="fw-swatch",
            style=f"background-color:{scale.colour(_at(step) * scale.limit) or 'transparent'}",
        )
        for step in range(2 * STEPS + 1)
    )
    ramp = tag(
        "span",
        unit.signed(-scale.limit),
        tag("span", join(swatches), cls="fw-ramp", role="img", aria_label="colour scale"),
        unit.signed(scale.limit),
        tag("span", f"{unit.name} one scale for all examples".strip(), cls="fw-muted"),
        cls="fw-legend-part",
    )
    return tag(
        "div",
        tag(
            "span",
            _sample("word", "fw-plus", scale.limit, scale),
            f" pulls towards “{short(label)}”",
            cls="fw-legend-part",
        ),
        tag(
            "span",
            _sample("word", "fw-minus", -scale.limit, scale),
            " pushes away from it",
            cls="fw-legend-part",
        ),
        ramp,
        cls="fw-legend",
    )


def _at(step: int) -> float:
    return (step - STEPS) / STEPS


def _sample(word: str, sign: str, score: float, scale: ColourScale) -> Html:
    return tag("mark", word, cls=f"fw-word {sign}", style=f"background-color:{scale.colour(score)}")
