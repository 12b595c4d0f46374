"""A difference between versions in numbers: per class, and from class to class."""

from __future__ import annotations

from backend.review.diff import Diff
from pages.components.badges import Tone
from pages.components.markup import Html, cut, tag
from pages.components.tables import table, tall

KIND_TONES: dict[str, Tone] = {
    "removed": "bad",
    "brought back": "good",
    "relabelled": "info",
    "relabelled back": "info",
    "flagged": "warn",
    "kept": "good",
}
MOST = 50
UNKNOWN = "(not in the data)"


def per_class(diff: Diff) -> Html:
    """Rows per class before and kind of change; kinds that do not occur are left out."""
    kinds = [kind for kind, count in diff.counts.items() if count]
    rows = [
        (cut(name or UNKNOWN, 40), *(_number(counts[kind]) for kind in kinds))
        for name, counts in list(diff.per_class.items())[:MOST]
    ]
    total = (tag("b", "all"), *(f"{diff.counts[kind]:,}" for kind in kinds))
    made = table(("class", *kinds), [*rows, total], numbers=range(1, len(kinds) + 1))
    return tag("div", tall(made, "rows per class"), _more(len(diff.per_class), "classes"))


def class_flow(diff: Diff) -> Html:
    """From which class to which class rows went, the most first."""
    rows = [
        (cut(old or UNKNOWN, 40), cut(new or UNKNOWN, 40), f"{count:,}")
        for (old, new), count in list(diff.flow.items())[:MOST]
    ]
    made = table(("from class", "to class", "rows"), rows, numbers=(2,))
    return tag("div", tall(made, "from class to class"), _more(len(diff.flow), "ways"))


def _more(count: int, names: str) -> str:
    """That not all are listed, if so."""
    return tag("p", f"and {count - MOST:,} more {names}", cls="fw-muted") if count > MOST else ""


def _number(count: int) -> str:
    return f"{count:,}" if count else "–"
