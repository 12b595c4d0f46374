"""Opening the file of the log: for one query, or for one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock

from backend.errors import InputError
from backend.files import replacing
from backend.review import schema

BUSY_SECONDS = 5.0


def exists(path: Path) -> bool:
    """Whether anything has been written into the log."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


@contextmanager
def reading(path: Path, until: int | None = None) -> Iterator[sqlite3.Connection | None]:
    """A connection for one query; None where nothing has been written yet.

    Its views see the log as it was after entry ``until`` (None: as it is).
    """
    if not exists(path):
        yield None
        return
    with _connected(path, until) as connection:
        yield connection


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection inside a transaction that commits at the end, or leaves no trace on any exception."""
    if not exists(path):
        _create(path)
    _upgrade(path)
    with _connected(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise


@contextmanager
def _connected(path: Path, until: int | None = None) -> Iterator[sqlite3.Connection]:
    """An open connection with the views; `InputError` for a file or values that SQLite cannot use."""
    with _usable(path) as connection:
        version = _version(connection, path)
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.executescript(schema.views(version, until))
        yield connection


@contextmanager
def _usable(path: Path) -> Iterator[sqlite3.Connection]:
    """An open connection whose errors become `InputError`, other than those that are faults of ours."""
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        with closing(connection):
            yield connection
    except sqlite3.OperationalError as error:
        raise InputError(f"{path}: the log of decisions cannot be used now ({error})") from error
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:  # a broken constraint is a fault of ours
            raise
        raise InputError(f"{path}: not a readable log of decisions ({error})") from error
    except OverflowError as error:
        raise InputError("a number of a decision or of lines to show is too large") from error
    except UnicodeEncodeError as error:
        raise InputError("half of a surrogate pair is no character; no id or label has one") from error


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The schema's version; `InputError` if the file is of a later Firstword or another kind of database."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if not 1 <= version <= schema.VERSION:
        known = f"version 1 to {schema.VERSION}"
        raise InputError(f"{path}: not a log of decisions of {known} but another database")
    return version


def _upgrade(path: Path) -> None:
    """Bring the file of an earlier Firstword to this schema, before anything is written; whole or not."""
    with _usable(path) as connection:
        if _version(connection, path) == schema.VERSION:
            return
    with FileLock(_lock_file(path)), _usable(path) as connection:
        if _version(connection, path) < schema.VERSION:
            connection.executescript(schema.UPGRADE)


def _lock_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _create(path: Path) -> None:
    """Make the file; it appears with all that belongs into it, so that no other writer sees a part."""
    if not path.parent.is_dir():
        raise InputError(f"{path}: the log of decisions cannot be used now (no such folder)")
    try:
        with FileLock(_lock_file(path)):
            if exists(path):
                return
            with replacing(path) as temporary, closing(sqlite3.connect(temporary)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(schema.CREATE)
    except (OSError, sqlite3.Error) as error:  # no space, no right to write
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: the log of decisions cannot be made ({reason})") from error
