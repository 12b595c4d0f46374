"""Big numbers in a line."""

from __future__ import annotations

from collections.abc import Iterable

from pages.components.markup import Html, join, tag


def facts(shown: Iterable[tuple[str, str]]) -> Html:
    """Name and value of each."""
    parts = (
        tag("div", tag("span", name, cls="fw-muted"), tag("b", value), cls="fw-fact") for name, value in shown
    )
    return tag("div", join(parts), cls="fw-facts")
