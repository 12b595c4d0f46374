"""The log of decisions: append-only, in SQLite; what is in force is derived from it, never stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from filelock import FileLock

from backend.data.messages import shown_value
from backend.data.rowstate import Action, RowState
from backend.errors import InputError
from backend.review import schema
from backend.review.checks import check_author, check_reason

Origin = Literal["cli", "app", "api"]
Decision = tuple[str, str | None, str | None]
BUSY_SECONDS = 5.0


@dataclass(frozen=True)
class LogEntry:
    """One line of the log.

    ``active``: for a decision, that it has not been undone; for an undo or redo, that nothing
    newer has been done to the batch it ``undoes`` (the number of the batch it is about).
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
    active: bool


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
        self, action: Action, rows: Sequence[Decision], *, reason: str, author: str, origin: str
    ) -> int:
        """Log one decision about ``rows`` (id, old label, new label or None); returns its batch number.

        `InputError` for no rows, an unknown action, a relabel without new label (or another action
        with one), or an author or reason that is too long or has control characters.
        """
        if action not in get_args(Action):
            raise InputError(f"action {shown_value(action)}: must be one of {', '.join(get_args(Action))}")
        if not rows:
            raise InputError(f"{action}: no rows given")
        for row_id, _, new_label in rows:
            if (action == "relabel") != (new_label is not None):
                need = "needs a new label" if action == "relabel" else "takes no new label"
                raise InputError(f"{action} of row {shown_value(row_id)}: {need}")
        _check(author, reason, origin)
        with self._writing() as connection:
            batch = _next_batch(connection)
            at = _now()
            connection.executemany(
                schema.INSERT,
                ((batch, at, author, action, *row, reason, origin, None) for row in rows),
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
        if not self.path.exists():
            raise InputError(f"nothing to {action}: no decision has been made")
        with self._writing() as connection:
            target = batch if batch is not None else _candidate(connection, action)
            _check_target(connection, action, target)
            row = (_next_batch(connection), _now(), author, action, None, None, None, "", origin, target)
            connection.execute(schema.INSERT, row)
            return _entries(connection, schema.ENTRIES_OF_BATCH, (target,))

    # -- reading ------------------------------------------------------------------------------------

    def entries(self, row_id: str | None = None, limit: int | None = None, offset: int = 0) -> list[LogEntry]:
        """The log, newest first; ``row_id`` gives that row's decisions only."""
        with self._reading() as connection:
            if connection is None:
                return []
            page = (-1 if limit is None else limit, offset)
            if row_id is None:
                return _entries(connection, schema.ENTRIES, page)
            return _entries(connection, schema.ENTRIES_OF_ROW, (row_id, *page))

    def states(self) -> dict[str, RowState]:
        """The decision in force for every row that has one."""
        with self._reading() as connection:
            rows = connection.execute(schema.STATES).fetchall() if connection else []
        return {row_id: RowState(*state) for row_id, *state in rows}

    def state(self, row_id: str) -> RowState | None:
        """The decision in force for one row."""
        with self._reading() as connection:
            row = connection.execute(schema.STATE, (row_id,)).fetchone() if connection else None
        return RowState(*row) if row else None

    def counts(self) -> dict[str, int]:
        """How many rows are in each state (keep, flag, remove, relabel), zeros included."""
        with self._reading() as connection:
            found = dict(connection.execute(schema.COUNTS).fetchall()) if connection else {}
        return {action: found.get(action, 0) for action in get_args(Action)}

    # -- connections --------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection for one query; None where nothing has been written yet."""
        if not self.path.exists():
            yield None
            return
        with self._connected() as connection:
            yield connection if _is_ready(connection, self.path) else None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a transaction that commits at the end, or leaves no trace on any exception."""
        with self._connected() as connection:
            if not _is_ready(connection, self.path):
                self._create(connection)
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            with closing(connection):
                yield connection
        except sqlite3.OperationalError as error:
            raise InputError(f"{self.path}: the log of decisions cannot be used now ({error})") from error
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # a broken constraint is a fault of ours
                raise
            raise InputError(f"{self.path}: not a readable log of decisions ({error})") from error

    def _create(self, connection: sqlite3.Connection) -> None:
        # Two processes that switch to WAL at once would make SQLite fail instead of wait.
        with FileLock(self.path.with_name(f".{self.path.name}.lock")):
            if not _is_ready(connection, self.path):
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(schema.CREATE)


def _is_ready(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the tables are there; `InputError` if the file is another kind of database."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == schema.VERSION:
        return True
    if version or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise InputError(f"{path}: not a log of decisions of version {schema.VERSION} but another database")
    return False


def _check(author: str, reason: str, origin: str) -> None:
    check_author(author)
    check_reason(reason)
    if origin not in get_args(Origin):
        raise InputError(f"origin {shown_value(origin)}: must be one of {', '.join(get_args(Origin))}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _next_batch(connection: sqlite3.Connection) -> int:
    return connection.execute(schema.NEXT_BATCH).fetchone()[0]


def _candidate(connection: sqlite3.Connection, action: Literal["undo", "redo"]) -> int:
    query = schema.NEWEST_ACTIVE if action == "undo" else schema.LAST_UNDONE
    batch = connection.execute(query).fetchone()[0]
    if batch is None:
        raise InputError(
            f"nothing to {action}: no decision is {'in force' if action == 'undo' else 'undone'}"
        )
    return batch


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


def _entries(connection: sqlite3.Connection, query: str, parameters: tuple[object, ...]) -> list[LogEntry]:
    rows = connection.execute(query, parameters)
    return [LogEntry(*(*row[:-1], bool(row[-1]))) for row in rows]
