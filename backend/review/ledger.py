"""The log of decisions: append-only, in SQLite; what is in force is derived from it, never stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from backend.data.messages import shown_value
from backend.data.rowstate import Action, RowState
from backend.errors import InputError
from backend.look import once
from backend.review import schema
from backend.review.checks import check_author, check_reason
from backend.review.connection import exists, reading, writing

Origin = Literal["cli", "app", "api"]
Decision = tuple[str, str | None, str | None]
StateOf = Callable[[str], RowState | None]


@dataclass(frozen=True)
class LogEntry:
    """One line of the log.

    ``active``: for a decision, that it has not been undone; for an undo or redo, that nothing
    newer has been done to the batch it ``undoes`` (the number of the batch it is about).
    ``action`` may also be clear: from there on nothing is decided about the row. ``note``: what wrote
    the whole batch, such as "restore v2"; empty for a decision of someone.
    """

    seq: int
    batch: int
    at: str
    author: str
    action: str
    row_id: str | None
    old_label: str | None
    new_label: str | None
    reason: str
    origin: str
    undoes: int | None
    note: str
    active: bool


@dataclass(frozen=True)
class Step:
    """One of several entries of a batch that differ; ``label`` is the new one of a relabel."""

    row: str
    action: Action | Literal["clear"]
    old_label: str | None
    label: str | None = None
    reason: str = ""


class Ledger:
    """Decisions about training rows, kept in the SQLite file ``path``, which the first write creates.

    Every method opens a connection of its own: threads and processes may share a ledger. One call
    writes one batch, whole or not at all, and a batch is undone at once. All methods raise
    `InputError` if the file is damaged or no ledger.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    # -- writing ------------------------------------------------------------------------------------

    def decide(
        self,
        action: Action,
        rows: Sequence[Decision] | Callable[[StateOf], Sequence[Decision]],
        *,
        reason: str,
        author: str,
        origin: str,
    ) -> int:
        """Log one decision about ``rows`` (id, old label, new label or None); returns its batch number.

        Where ``rows`` depend on what is in force, give a function: it is called with a look-up of states
        that stay as they are until the decision is written. What it raises leaves the log as it was.
        `InputError` for no rows, an unknown action, a relabel without new label (or another action
        with one), or an author or reason that is too long or has control characters.
        """
        if action not in get_args(Action):
            raise InputError(f"action {shown_value(action)}: must be one of {', '.join(get_args(Action))}")
        if not callable(rows):
            _check_rows(action, rows)
        _check(author, reason, origin)
        with writing(self.path) as connection:
            if callable(rows):
                rows = rows(lambda row_id: _state(connection, row_id))
                _check_rows(action, rows)
            batch = _next_batch(connection)
            at = now()
            connection.executemany(
                schema.INSERT,
                ((batch, at, author, action, *row, reason, origin, None, "") for row in rows),
            )
        return batch

    def bring_about(
        self,
        steps: Callable[[dict[str, RowState]], Sequence[Step]],
        *,
        note: str,
        author: str,
        origin: str,
    ) -> int:
        """Log different steps about many rows as one batch that is undone at once; returns its number.

        ``steps`` is called with the states in force, which stay as they are until it is written. What it
        raises leaves the log as it was. `InputError` as in `decide`, and for no steps.
        """
        _check(author, note, origin)
        last = (origin, None, note)
        with writing(self.path) as connection:
            made = steps(_states(connection))
            if not made:
                raise InputError(f"{note}: nothing to change")
            for each in made:
                check_reason(each.reason)
            batch, at = _next_batch(connection), now()
            connection.executemany(
                schema.INSERT,
                (
                    (batch, at, author, each.action, each.row, each.old_label, each.label, each.reason, *last)
                    for each in made
                ),
            )
        return batch

    def undo(self, batch: int | None = None, *, author: str, origin: str) -> list[LogEntry]:
        """Take back ``batch``, or the newest one in force; returns its entries."""
        return self._revoke("undo", batch, author, origin)

    def redo(self, batch: int | None = None, *, author: str, origin: str) -> list[LogEntry]:
        """Bring back ``batch``, or the one undone last; returns its entries."""
        return self._revoke("redo", batch, author, origin)

    def _revoke(
        self, action: Literal["undo", "redo"], batch: int | None, author: str, origin: str
    ) -> list[LogEntry]:
        _check(author, "", origin)
        if not exists(self.path):
            raise InputError(f"nothing to {action}: no decision has been made")
        with writing(self.path) as connection:
            target = batch if batch is not None else _candidate(connection, action)
            if target is None:
                there = "in force" if action == "undo" else "undone"
                raise InputError(f"nothing to {action}: no decision is {there}")
            _check_target(connection, action, target)
            row = (_next_batch(connection), now(), author, action, None, None, None, "", origin, target, "")
            connection.execute(schema.INSERT, row)
            return _entries(connection, schema.ENTRIES_OF_BATCH, (target, -1))

    # -- reading ------------------------------------------------------------------------------------

    def entries(
        self,
        row_id: str | None = None,
        limit: int | None = None,
        offset: int = 0,
        *,
        batch: int | None = None,
        action: str | None = None,
        author: str | None = None,
        active: bool | None = None,
    ) -> list[LogEntry]:
        """A page of the log, newest first; only entries that match whatever else is given."""
        wanted = _given(row_id=row_id, batch=batch, action=action, author=author, active=active)
        page = {"limit": -1 if limit is None else limit, "offset": offset}
        with reading(self.path) as connection:
            return _entries(connection, schema.entries(list(wanted)), wanted | page) if connection else []

    def count(
        self,
        row_id: str | None = None,
        *,
        action: str | None = None,
        author: str | None = None,
        active: bool | None = None,
    ) -> int:
        """How many entries `entries` would list without ``limit``."""
        wanted = _given(row_id=row_id, action=action, author=author, active=active)
        return once(("entries", self.path, *wanted.items()), lambda: self._count(wanted))

    def _count(self, wanted: dict[str, Any]) -> int:
        with reading(self.path) as connection:
            if connection is None:
                return 0
            return connection.execute(schema.count(list(wanted)), wanted).fetchone()[0]

    def size(self, batch: int) -> tuple[int, int]:
        """How many entries a batch has, and about how many rows they are."""
        with reading(self.path) as connection:
            return connection.execute(schema.BATCH_SIZE, (batch,)).fetchone() if connection else (0, 0)

    def authors(self) -> list[str]:
        """Everyone who wrote into the log, in alphabetical order."""
        with reading(self.path) as connection:
            return [name for (name,) in connection.execute(schema.AUTHORS)] if connection else []

    def next_undo(self, author: str | None = None) -> LogEntry | None:
        """The newest entry in force (one row of the batch that `undo` takes back); None if there is none.

        ``author``: of what this author decided or redid.
        """
        return self._next("undo", author)

    def next_redo(self, author: str | None = None) -> LogEntry | None:
        """One row of the batch that `redo` brings back; None if nothing is undone.

        ``author``: of what this author undid.
        """
        return self._next("redo", author)

    def _next(self, action: Literal["undo", "redo"], author: str | None) -> LogEntry | None:
        with reading(self.path) as connection:
            batch = _candidate(connection, action, author) if connection else None
            if connection is None or batch is None:
                return None
            return _entries(connection, schema.ENTRIES_OF_BATCH, (batch, 1))[0]

    def states(self, until: int | None = None) -> dict[str, RowState]:
        """The decision in force for every row that has one: now, or after entry ``until`` of the log."""
        with reading(self.path, until) as connection:
            return _states(connection) if connection else {}

    def state(self, row_id: str) -> RowState | None:
        """The decision in force for one row."""
        with reading(self.path) as connection:
            return _state(connection, row_id) if connection else None

    def counts(self, until: int | None = None) -> dict[str, int]:
        """How many rows were last kept, flagged or removed, and under ``relabel`` how many have a new label.

        A row counts as relabelled if it is not removed and its label differs from the one it was given,
        whatever was decided after the relabel; so one row may count twice. Zeros are included. ``until`` as
        in `states`.
        """
        with reading(self.path, until) as connection:
            found = dict(connection.execute(schema.COUNTS).fetchall()) if connection else {}
        return {action: found.get(action, 0) for action in get_args(Action)}


def _check_rows(action: Action, rows: Sequence[Decision]) -> None:
    if not rows:
        raise InputError(f"{action}: no rows given")
    for row_id, _, new_label in rows:
        if (action == "relabel") != (new_label is not None):
            need = "needs a new label" if action == "relabel" else "takes no new label"
            raise InputError(f"{action} of row {shown_value(row_id)}: {need}")


def _check(author: str, reason: str, origin: str) -> None:
    check_author(author)
    check_reason(reason)
    if origin not in get_args(Origin):
        raise InputError(f"origin {shown_value(origin)}: must be one of {', '.join(get_args(Origin))}")


def now() -> str:
    """The time as the log writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _state(connection: sqlite3.Connection, row_id: str) -> RowState | None:
    row = connection.execute(schema.STATE, {"row": row_id}).fetchone()
    return RowState(*row) if row else None


def _states(connection: sqlite3.Connection) -> dict[str, RowState]:
    return {row_id: RowState(*state) for row_id, *state in connection.execute(schema.STATES)}


def _next_batch(connection: sqlite3.Connection) -> int:
    return connection.execute(schema.NEXT_BATCH).fetchone()[0]


def _candidate(
    connection: sqlite3.Connection, action: Literal["undo", "redo"], author: str | None = None
) -> int | None:
    """The batch that an undo or redo without number is about; None if there is none."""
    query = schema.NEWEST_ACTIVE if action == "undo" else schema.LAST_UNDONE
    row = connection.execute(query, {"author": author}).fetchone()
    return row and row[0]


def _check_target(connection: sqlite3.Connection, action: Literal["undo", "redo"], batch: int) -> None:
    row = connection.execute(schema.BATCH_STATUS, (batch,)).fetchone()
    if row is None:
        raise InputError(f"batch {batch}: no such decision; the log lists batch numbers")
    kind, undone = row
    if kind in ("undo", "redo"):
        other = "redo" if kind == "undo" else "undo"
        raise InputError(f"batch {batch} is itself an {kind}; {other} the decision that it is about")
    if action == "undo" and undone:
        raise InputError(f"batch {batch} is undone already")
    if action == "redo" and not undone:
        raise InputError(f"batch {batch} is in force; there is nothing to redo")


def _given(**filters: str | int | None) -> dict[str, Any]:
    return {name: value for name, value in filters.items() if value is not None}


def _entries(
    connection: sqlite3.Connection, query: str, parameters: tuple[object, ...] | dict[str, Any]
) -> list[LogEntry]:
    rows = connection.execute(query, parameters)
    return [LogEntry(*(*row[:-1], bool(row[-1]))) for row in rows]
