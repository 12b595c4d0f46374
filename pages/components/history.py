"""The log of decisions as batches: what was done at once, and what undo and redo would act on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backend.review.ledger import LogEntry


@dataclass(frozen=True)
class Batch:
    """Decisions made at once, or one undo or redo (then ``about`` is the batch it concerns)."""

    entries: tuple[LogEntry, ...]

    @property
    def head(self) -> LogEntry:
        """What all entries share: action, author, time, reason."""
        return self.entries[0]

    @property
    def number(self) -> int:
        """The batch's number in the log."""
        return self.head.batch

    @property
    def about(self) -> int | None:
        """The batch that an undo or redo concerns."""
        return self.head.undoes

    @property
    def name(self) -> str:
        """In short: "remove r12", "relabel r7 as good", "flag 3 rows"."""
        head = self.head
        if self.about is not None:
            return f"{head.action} of decision {self.about}"
        rows = str(head.row_id) if len(self.entries) == 1 else f"{len(self.entries):,} rows"
        return f"{head.action} {rows}" + (f" as {head.new_label}" if head.new_label else "")


def batches(entries: Iterable[LogEntry]) -> list[Batch]:
    """The log's batches, in the order of the entries (newest first)."""
    groups: dict[int, list[LogEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.batch, []).append(entry)
    return [Batch(tuple(group)) for group in groups.values()]


def undo_target(log: Iterable[Batch]) -> Batch | None:
    """What undo would take back: the newest decision in force."""
    return next((each for each in log if each.about is None and each.head.active), None)


def redo_target(log: list[Batch]) -> Batch | None:
    """What redo would bring back: the decision undone last."""
    number = next((each.about for each in log if each.head.action == "undo" and each.head.active), None)
    return next((each for each in log if each.number == number), None)
