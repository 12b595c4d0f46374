"""The log of decisions as batches: what was decided at once, and what undo and redo would act on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from backend.data.targets.space import Space
from backend.review.ledger import Ledger, LogEntry
from backend.review.words import action_word
from pages.components.numbers import plural

FIRST = 100  # entries of a batch that are read
READ = 1_000  # lines read at once for a page

Read = Callable[[int, int], list[LogEntry]]  # limit and offset to lines of the log, newest first


@dataclass(frozen=True)
class Batch:
    """Decisions made at once, or one undo or redo (then ``about`` is the batch it concerns).

    ``entries`` are some of it, ``size`` of them in all, about ``n_rows`` rows: one that was flagged and
    relabelled at once has two.
    """

    entries: tuple[LogEntry, ...]
    size: int
    n_rows: int

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
        return plural(self.n_rows, "row")

    def name(self, space: Space) -> str:
        """In short: "remove r12", "relabel r7 as good", "flag 3 rows", "restore v2"."""
        head = self.head
        if head.note:
            return head.note
        if self.about is not None:
            return f"{head.action} of decision {self.about}"
        rows = str(head.row_id) if self.size == 1 else self.rows
        new = f" as {space.shown(head.new_label)}" if head.new_label else ""
        return f"{action_word(space, head.action)} {rows}{new}"


def batch_of(ledger: Ledger, entry: LogEntry) -> Batch:
    """The batch of an entry."""
    own = ledger.entries(batch=entry.batch, limit=FIRST)
    return Batch(tuple(own), *ledger.size(entry.batch))


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
    if len(lines) == READ and len(groups) == 1:
        groups = [_whole(read, start, groups[0])]
    made = [
        Batch(group[:READ], len(group), len({entry.row_id for entry in group})) for group in groups[:most]
    ]
    return made, start + sum(batch.size for batch in made)


def _whole(read: Read, start: int, first: tuple[LogEntry, ...]) -> tuple[LogEntry, ...]:
    """All lines of a batch that is longer than what is read at once; ``first`` have been read."""
    own = list(first)
    asked = got = len(own)
    while got == asked:  # twice as many each time: what is passed over is passed over a few times only
        asked = len(own)
        more = [entry for entry in read(asked, start + asked) if entry.batch == first[0].batch]
        got = len(more)
        own += more
    return tuple(own)
