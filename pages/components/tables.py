"""Plain tables, every cell escaped, texts wrapped, numbers to the right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pages.components.markup import Html, join, tag


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> Html:
    """``numbers`` are the columns that hold numbers."""
    head = tag(
        "tr", join(tag("th", name, scope="col", cls=_side(at, numbers)) for at, name in enumerate(headers))
    )
    body = join(
        tag("tr", join(tag("td", cell, cls=_side(at, numbers)) for at, cell in enumerate(row)))
        for row in rows
    )
    return tag("table", tag("thead", head), tag("tbody", body), cls="fw-table")


def tall(made: Html, name: str) -> Html:
    """A table, which may be long or wide, in a box that scrolls; its head stays in sight."""
    return tag("div", made, cls="fw-scroll fw-tall", tabindex="0", role="region", aria_label=name)


def _side(place: int, numbers: Sequence[int]) -> str | None:
    return "fw-num" if place in numbers else None
