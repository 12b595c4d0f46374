"""What the colours and lines of a conversation's words mean."""

from __future__ import annotations

from pages.components.legend import legend
from pages.components.markup import Html, tag
from pages.components.numbers import Unit
from pages.components.scale import ColourScale


def side_legend(scale: ColourScale, unit: Unit) -> Html:
    """The colour scale, and the line below words that are read, above those that are written."""
    if scale.limit <= 0:
        return legend(scale, unit, "")
    sample = f"background-color:{scale.colour(scale.limit)}"
    return tag(
        "div",
        legend(scale, unit, "this answer"),
        tag(
            "div",
            tag("mark", "word", cls="fw-word fw-plus fw-read", style=sample),
            " line below: read",
            tag("mark", "word", cls="fw-word fw-plus fw-written", style=sample),
            " line above: written, that is learnt to be said",
            cls="fw-legend-part fw-sides",
        ),
    )
