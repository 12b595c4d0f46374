"""The log of decisions as batches: what was decided at once, and what undo and redo would act on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from backend.review.ledger import Ledger, LogEntry
from pages.components.numbers import plural

FIRST = 100  # entries of a batch that are read
READ = 1_000  # lines read at once for a page

Read = Callable[[int, int], list[LogEntry]]  # limit and offset to lines of the log, newest first


@dataclass(frozen=True)
class Batch:
    """Decisions made at once, or one undo or redo (then ``about`` is the batch it concerns).

    ``entries`` are some of it, ``size`` of them in all.
    """

    entries: tuple[LogEntry, ...]
    size: int

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
    def rows(self) -> str:
        """ "1 row", "3 rows"."""
        twice = len(self.entries) - len({each.row_id for each in self.entries})  # flagged and relabelled
        return plural(self.size - twice, "row")

    @property
    def name(self) -> str:
        """In short: "remove r12", "relabel r7 as good", "flag 3 rows", "restore v2"."""
        head = self.head
        if head.note:
            return head.note
        if self.about is not None:
            return f"{head.action} of decision {self.about}"
        rows = str(head.row_id) if self.size == 1 else self.rows
        return f"{head.action} {rows}" + (f" as {head.new_label}" if head.new_label else "")


def batch_of(ledger: Ledger, entry: LogEntry) -> Batch:
    """The batch of an entry."""
    own = ledger.entries(batch=entry.batch, limit=FIRST)
    return Batch(tuple(own), ledger.count(batch=entry.batch))


def row_batch(ledger: Ledger, row: str) -> Batch | None:
    """The batch of the newest decision in force on a row; None if there is none."""
    state = ledger.state(row)
    if state is None:
        return None
    entries = ledger.entries(row, active=True)
    newest = next((each for each in entries if (each.at, each.action) == (state.at, state.action)), None)
    return batch_of(ledger, newest) if newest else None


def page_of_batches(read: Read, start: int, most: int) -> tuple[list[Batch], int]:
    """Up to ``most`` whole batches from line ``start`` on, and the line at which the next page begins."""
    lines = read(READ, start)
    groups = [tuple(group) for _, group in groupby(lines, key=lambda entry: entry.batch)]
    if len(lines) == READ and len(groups) > 1:
        groups.pop()  # perhaps cut: the next page begins with it
    made = [Batch(group, len(group)) for group in groups[:most]]
    if len(lines) == READ and len(groups) == 1:
        made = [Batch(groups[0], _length(read, start, groups[0][0].batch))]
    return made, start + sum(batch.size for batch in made)


def _length(read: Read, start: int, number: int) -> int:
    """How many lines a batch takes that is longer than what is read at once."""
    size = 0
    while True:
        own = sum(entry.batch == number for entry in read(READ, start + size))
        size += own
        if own < READ:
            return size
