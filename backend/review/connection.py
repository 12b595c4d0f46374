"""Opening the file of the log: for one query, or for one transaction."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from filelock import FileLock

from backend.errors import InputError
from backend.files import replacing
from backend.look import look_again
from backend.review import schema

BUSY_SECONDS = 30.0  # eight processes that decide without a pause: one may wait for long
_TRIES = 3  # SQLite gives up early where waiting might never end
_LITTLE = 1 << 18  # bytes: less than SQLite asks for at once
_MEMORY = Path("/dev/shm")  # noqa: S108 - a copy of the log is made there where the disk is full
# What SQLite says where it can't make the files beside the log that even reading needs.
_NO_WRITING = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class LogUnwritable(InputError):
    """The log, or the folder that it lies in, cannot be written now; it may still be read."""


class LogBusy(InputError):
    """Others have been writing into the log for longer than anyone waits."""


def exists(path: Path) -> bool:
    """Whether anything has been written into the log."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


@contextmanager
def reading(path: Path, until: int | None = None) -> Iterator[sqlite3.Connection | None]:
    """A connection for one query; None where nothing has been written yet.

    Its views see the log as it was after entry ``until`` (None: as it is). Where the folder cannot be
    written, a copy of the log is read.
    """
    if not exists(path):
        yield None
        return
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(_connected(path, until))
        except LogUnwritable:
            copy = stack.enter_context(_copy(path))
            connection = stack.enter_context(_connected(copy, until, shown=path))
        yield connection


def damage(path: Path) -> str | None:
    """What SQLite finds wrong with the file of the log; None if it is whole.

    Raises `LogBusy` if it can't be said now.
    """
    try:
        with reading(path) as connection:
            answer = (
                "ok" if connection is None else connection.execute("PRAGMA integrity_check").fetchone()[0]
            )
    except LogBusy:
        raise
    except InputError as error:
        return str(error)
    return None if answer == "ok" else f"{path}: {answer}"


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection inside a transaction that commits at the end, or leaves no trace on any exception."""
    if not exists(path):
        _create(path)
    _upgrade(path)
    with _connected(path) as connection:
        _begin(connection)
        try:
            yield connection
            connection.execute("COMMIT")
            look_again()
        except BaseException:
            connection.rollback()
            raise


def _begin(connection: sqlite3.Connection) -> None:
    for again in range(_TRIES):
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if _code(error) not in _BUSY or again + 1 == _TRIES:
                raise
        else:
            return


@contextmanager
def _copy(path: Path) -> Iterator[Path]:
    """A copy of the log and of what stands beside it yet, in memory where the system has a place there."""
    with ExitStack() as stack:
        try:
            home = _MEMORY if os.access(_MEMORY, os.W_OK) else None
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="firstword-log-", dir=home))
            _copy_into(Path(scratch), path)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{path}: the log of decisions cannot be read ({reason})") from error
        yield Path(scratch) / path.name


def _copy_into(scratch: Path, path: Path) -> None:
    parts = [path, path.with_name(f"{path.name}-wal")]
    before = None
    while before != (now := [_state(each) for each in parts]):  # else someone wrote meanwhile
        before = now
        for each in parts:
            (scratch / each.name).unlink(missing_ok=True)
            if each.exists():
                shutil.copyfile(each, scratch / each.name)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_size, state.st_mtime_ns


@contextmanager
def _connected(
    path: Path, until: int | None = None, shown: Path | None = None
) -> Iterator[sqlite3.Connection]:
    """An open connection with the views; `InputError`, which names ``shown``, for what SQLite cannot use."""
    with _usable(path, shown) as connection:
        version = _version(connection, shown or path)
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.executescript(schema.views(version, until))
        yield connection


@contextmanager
def _usable(path: Path, shown: Path | None = None) -> Iterator[sqlite3.Connection]:
    """An open connection whose errors become `InputError`, other than those that are faults of ours."""
    shown = shown or path
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        with closing(connection):
            yield connection
    except sqlite3.OperationalError as error:
        kind = (
            LogBusy if _code(error) in _BUSY else LogUnwritable if _code(error) in _NO_WRITING else InputError
        )
        raise kind(f"{shown}: the log of decisions cannot be used now ({_reason(path, error)})") from error
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:  # a broken constraint is a fault of ours
            raise
        raise InputError(f"{shown}: not a readable log of decisions ({error})") from error
    except OverflowError as error:
        raise InputError("a number of a decision or of lines to show is too large") from error
    except UnicodeEncodeError as error:
        raise InputError("half of a surrogate pair is no character; no id or label has one") from error


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 for an error of the module's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _reason(path: Path, error: sqlite3.Error) -> str:
    """Why SQLite failed, in words that say what to do about it."""
    code = _code(error)
    if code in _BUSY:
        return "others are writing into it all the time; try again"
    if code == sqlite3.SQLITE_FULL or (code in _NO_WRITING and _is_full(path.parent)):
        return "the disk is full"
    if code == sqlite3.SQLITE_READONLY or (code in _NO_WRITING and not os.access(path.parent, os.W_OK)):
        return "it is read-only here"
    return str(error)


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _LITTLE
    except OSError:
        return False


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
        reason = _reason(path, error) if isinstance(error, sqlite3.Error) else error.strerror or error
        raise InputError(f"{path}: the log of decisions cannot be made ({reason})") from error
