"""Classes with their counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pages.components.markup import Html, short, tag
from pages.components.numbers import percent
from pages.components.tables import table

MOST = 30


def class_table(classes: Sequence[str], counts: Mapping[str, tuple[int, int]]) -> Html:
    """Training and eval rows of each class, in model order; only the largest of very many."""
    total = sum(train for train, _ in counts.values()) or 1
    shown = list(classes)
    if len(shown) > MOST:
        shown = sorted(shown, key=lambda name: -counts[name][0])[:MOST]
    rows = [
        (
            short(name),
            f"{counts[name][0]:,}",
            f"{counts[name][1]:,}",
            percent(counts[name][0] / total),
            meter(counts[name][0] / total),
        )
        for name in shown
    ]
    made = table(("class", "training", "eval", "share", ""), rows, numbers=(1, 2, 3))
    if len(shown) == len(classes):
        return made
    return tag("div", made, tag("p", f"and {len(classes) - len(shown)} smaller classes", cls="fw-muted"))


def meter(share: float) -> Html:
    """A bar for a share of 0 to 1."""
    return tag("span", tag("span", style=f"width:{100 * min(max(share, 0.0), 1.0):.1f}%"), cls="fw-meter")
