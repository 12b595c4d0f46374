"""What differs between two states of the decisions, row by row and in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from backend.data.dataset import Split
from backend.data.rowstate import RowState
from backend.review.ledger import Ledger
from backend.review.steps import given_labels, label_of, same
from backend.review.versions import Moment

# What can happen to a row; to one row several of them can. The last is a decision that changes nothing,
# such as a relabelling to the label that the row was given.
KINDS = (
    *("removed", "brought back", "relabelled", "relabelled back"),
    *("flagged", "flag taken off", "kept", "keep taken back", "without effect"),
)

_BEGINS = {"remove": "removed", "flag": "flagged", "keep": "kept"}
_ENDS = {"remove": "brought back", "flag": "flag taken off", "keep": "keep taken back"}


@dataclass(frozen=True)
class RowChange:
    """One row that is decided otherwise. Labels are those in force; None where the row is not in the data.

    ``reason`` and ``author`` are those of the later decision; empty where there is none any more.
    """

    row: str
    kinds: tuple[str, ...]
    old_label: str | None
    new_label: str | None
    reason: str
    author: str


@dataclass(frozen=True)
class Diff:
    """All rows that ``after`` decides otherwise than ``before``, in the order of the data."""

    before: str
    after: str
    rows: tuple[RowChange, ...]

    @cached_property
    def counts(self) -> dict[str, int]:
        """Rows of each of the `KINDS`, zeros included."""
        found = Counter(kind for each in self.rows for kind in each.kinds)
        return {kind: found[kind] for kind in KINDS}

    @cached_property
    def per_class(self) -> dict[str, dict[str, int]]:
        """The same for every class that is touched, by the label before."""
        found: dict[str, Counter[str]] = {}
        for each in self.rows:
            found.setdefault(each.old_label or "", Counter()).update(each.kinds)
        return {name: {kind: found[name][kind] for kind in KINDS} for name in sorted(found)}

    @cached_property
    def flow(self) -> dict[tuple[str, str], int]:
        """How many rows went from one class to another, the most first."""
        moved = [(each.old_label or "", each.new_label or "") for each in self.rows]
        return dict(Counter(pair for pair in moved if pair[0] != pair[1]).most_common())

    def to_json(self) -> dict[str, Any]:
        """Plain values for a program."""
        return {
            "from": self.before,
            "to": self.after,
            "counts": self.counts,
            "per_class": self.per_class,
            "flow": [{"from": old, "to": new, "rows": count} for (old, new), count in self.flow.items()],
            "rows": [vars(each) for each in self.rows],
        }


def diff(ledger: Ledger, train: Split, before: Moment, after: Moment) -> Diff:
    """What the decisions in force at ``after`` change about those at ``before``."""
    given = given_labels(train)
    old, new = ledger.states(before.until), ledger.states(after.until)
    rows = [row for row in given if row in old or row in new]
    rows += sorted({*old, *new} - given.keys())
    changed = [row for row in rows if not same(old.get(row), new.get(row))]
    return Diff(before.name, after.name, tuple(_change(row, given.get(row), old, new) for row in changed))


def _change(
    row: str, given: str | None, old: Mapping[str, RowState], new: Mapping[str, RowState]
) -> RowChange:
    before, after = old.get(row), new.get(row)
    labels = label_of(before, given), label_of(after, given)
    kinds = _kinds(before, after, *labels, given) or ["without effect"]
    reason, author = (after.reason, after.author) if after else ("", "")
    return RowChange(row, tuple(kinds), *labels, reason, author)


def _kinds(
    before: RowState | None, after: RowState | None, old: str | None, new: str | None, given: str | None
) -> list[str]:
    was, now = before.action if before else None, after.action if after else None
    kinds = []
    if old != new:
        kinds.append("relabelled back" if new == given else "relabelled")
    if was != now and now in _BEGINS:
        kinds.append(_BEGINS[now])
    if was != now and was in _ENDS and (was == "remove" or now not in _BEGINS):
        kinds.append(_ENDS[was])
    return kinds
