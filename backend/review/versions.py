"""Versions: named places in the log. What was decided there is derived from the log, never copied."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from backend.data.messages import shown_value
from backend.errors import InputError
from backend.look import once
from backend.review import schema
from backend.review.checks import check_author, check_message
from backend.review.connection import exists, reading, writing
from backend.review.ledger import Ledger, now

RAW, NOW = "raw", "now"
_NAME = re.compile(r"v([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class Version:
    """The decisions in force after entry ``seq`` of the log, frozen by someone under a message."""

    number: int
    seq: int
    at: str
    author: str
    message: str

    @property
    def name(self) -> str:
        """v1, v2, ..."""
        return f"v{self.number}"


@dataclass(frozen=True)
class Moment:
    """A state of the decisions that has a name: a version, `RAW` or `NOW`.

    ``until`` is the entry of the log after which it is: 0 before all, None for the newest.
    """

    name: str
    until: int | None


def freeze(ledger: Ledger, message: str, *, author: str) -> Version:
    """Name the decisions in force now as the next version.

    `InputError` where nothing has been decided since the last version, or ever, or for a message or
    author that is blank, too long or has control characters.
    """
    check_author(author)
    check_message(message)
    if not exists(ledger.path):
        raise _nothing_yet()
    with writing(ledger.path) as connection:
        last = connection.execute(schema.LAST_ENTRY).fetchone()
        if last is None:
            raise _nothing_yet()
        newest = connection.execute(schema.NEWEST_VERSION).fetchone()
        if not _changes(connection, newest[1] if newest else 0):
            there = f"otherwise than in v{newest[0]}" if newest else "now"
            raise InputError(f"nothing to freeze: nothing is decided {there}")
        version = Version(newest[0] + 1 if newest else 1, last[0], now(), author, message.strip())
        connection.execute(schema.INSERT_VERSION, tuple(vars(version).values()))
    return version


def versions(ledger: Ledger) -> list[Version]:
    """All versions, the oldest first."""
    with reading(ledger.path) as connection:
        return [Version(*row) for row in connection.execute(schema.VERSIONS)] if connection else []


def since_last(ledger: Ledger) -> tuple[Version | None, int]:
    """The last version, and how many decisions came into force or were undone since (without one: ever)."""
    return once(("since last", ledger.path), lambda: _since_last(ledger))


def _since_last(ledger: Ledger) -> tuple[Version | None, int]:
    with reading(ledger.path) as connection:
        if connection is None:
            return None, 0
        row = connection.execute(schema.NEWEST_VERSION).fetchone()
        version = Version(*row) if row else None
        return version, _changes(connection, version.seq if version else 0)


def version_in_words(ledger: Ledger) -> str:
    """Which version the decisions in force are, and what came since; "" before the first."""
    version, changes = since_last(ledger)
    if version is None:
        return ""
    since = f", and {changes:,} change{'s' * (changes != 1)} since" if changes else ""
    return f"{version.name} ({version.message}, by {version.author}){since}"


def moment(ledger: Ledger, name: str) -> Moment:
    """What ``raw``, ``now`` or a version's name means; `InputError` if there is no such version."""
    if name in (RAW, NOW):
        return Moment(name, 0 if name == RAW else None)
    known = versions(ledger)
    match = _NAME.fullmatch(name)
    if match and int(match[1]) <= len(known):
        return Moment(name, known[int(match[1]) - 1].seq)
    there = f"the newest is {known[-1].name}" if known else "nothing is frozen yet"
    raise InputError(f"{shown_value(name)}: no such version ({there}); raw and now are names too")


def last_moment(ledger: Ledger) -> Moment:
    """The last version; `RAW` where there is none."""
    known = versions(ledger)
    return Moment(known[-1].name, known[-1].seq) if known else Moment(RAW, 0)


def _changes(connection: sqlite3.Connection, seq: int) -> int:
    return connection.execute(schema.CHANGED_SINCE, {"seq": seq}).fetchone()[0]


def _nothing_yet() -> InputError:
    return InputError("nothing to freeze: no decision has been made")
