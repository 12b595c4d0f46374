"""Limits on what people write into the log."""

import unicodedata

from backend.errors import InputError

MAX_AUTHOR = 200
MAX_REASON = 2000
MAX_MESSAGE = 500
# Control characters, halves of surrogate pairs, line and paragraph separators.
_REFUSED = ("Cc", "Cs", "Zl", "Zp")


def check_author(author: str) -> None:
    """`InputError` if an author's name is blank, too long, or has control characters."""
    if not author.strip():
        raise InputError("author: a name is needed")
    _check("author", author, MAX_AUTHOR)


def check_reason(reason: str) -> None:
    """`InputError` if a reason is too long or has control characters; it may be empty."""
    _check("reason", reason, MAX_REASON)


def check_message(message: str) -> None:
    """`InputError` if what a version is said to be is blank, too long, or has control characters."""
    if not message.strip():
        raise InputError("message: say in a line what this version is")
    _check("message", message, MAX_MESSAGE)


def _check(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise InputError(f"{what}: {len(text):,} characters; at most {most:,}")
    for place, character in enumerate(text, start=1):
        if unicodedata.category(character) in _REFUSED:
            raise InputError(f"{what}: character {place} is a control character; write one line")
