"""The words of a pair with their numbers and bars."""

from __future__ import annotations

from backend.influence.answers.explanation import Entry
from pages.components.markup import Html, join, short, tag
from pages.components.numbers import Unit, percent
from pages.components.word_rows import WordRow, word_rows

HEADERS = ("word", "in query", "in training", "score", "share", "")


def word_table(entry: Entry, unit: Unit) -> Html:
    """A table that can be unfolded; its rows add up to the entry's score."""
    rows = word_rows(entry)
    longest = max(abs(row.score) for row in rows[:-1]) or 1.0
    head = tag(
        "tr", join(tag("th", name, scope="col", cls=_column(place)) for place, name in enumerate(HEADERS))
    )
    body = join(_row(row, entry.score, longest, unit) for row in rows)
    table = tag("table", tag("thead", head), tag("tbody", body), cls="fw-words")
    return tag("details", tag("summary", "Word by word"), table, cls="fw-details")


def _row(row: WordRow, total: float, longest: float, unit: Unit) -> Html:
    share = "" if row.kind == "total" else percent(row.score / total) if total else "–"
    cells = (
        tag("span", short(row.name), cls="fw-cellword"),
        _count(row.in_query),
        _count(row.in_training),
        unit.signed(row.score),
        "100 %" if row.kind == "total" else share,
        "" if row.kind == "total" else _bar(row.score / longest),
    )
    return tag(
        "tr", join(tag("td", cell, cls=_column(at)) for at, cell in enumerate(cells)), cls=f"fw-{row.kind}"
    )


def _count(count: int | None) -> str | Html:
    if count is None:
        return ""
    if count == 0:
        return tag("span", "part", title="only a part of this word (a wordpiece) is shared")
    return str(count)


def _bar(share: float) -> Html:
    side = "fw-plus" if share > 0 else "fw-minus"
    fill = tag("span", cls=f"fw-fill {side}", style=f"width:{50 * min(abs(share), 1.0):.1f}%")
    return tag("span", fill, cls="fw-bar")


def _column(place: int) -> str:
    return ("fw-left", "fw-num", "fw-num", "fw-num", "fw-num", "fw-barcell")[place]
