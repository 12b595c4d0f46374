"""The text of a JSON file, value by value: of a long array no more is held than the value being read."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from backend.data.messages import shown_value
from backend.errors import InputError

_BLANKS = re.compile(r"[ \t\r\n]*")
_CHUNK = 1 << 16


def elements(text: JsonText) -> Iterator[tuple[Any, str]]:
    """The values up to the end of an array whose bracket has been passed, and how each is written."""
    number = 0
    while number or text.ahead() != "]":
        number += 1
        yield text.value(number)
        if text.ahead() == "]":
            break
        text.skip(",", f"item {number}")
    text.skip("]")


class JsonText:
    """The text of a stream, from where it has been read on.

    What was read is cut off only where more is read, so that little is copied.
    """

    def __init__(self, stream: io.BufferedIOBase, name: str) -> None:
        self._stream, self._name = stream, name
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._done, self._at = "", False, 0
        self._decoder = json.JSONDecoder(object_pairs_hook=unique_keys)

    def ahead(self) -> str:
        """The next character that is no blank; "" at the end."""
        while True:
            blanks = _BLANKS.match(self._text, self._at)
            self._at = blanks.end() if blanks else self._at
            if self._at < len(self._text) or not self._more(_CHUNK):
                return self._text[self._at : self._at + 1]

    def skip(self, expected: str, behind: str = "the beginning") -> None:
        """Pass over one character; `InputError` if another is there."""
        found = self.ahead()
        if found != expected:
            what, wanted = (repr(each) if each else "the end of the file" for each in (found, expected))
            raise InputError(f"{self._name}, after {behind}: not valid JSON ({wanted} expected, not {what})")
        self._at += 1

    def value(self, number: int) -> tuple[Any, str]:
        """The JSON value that begins here, and how it is written."""
        self.ahead()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                raw = self._text[self._at : end]
                if end < len(self._text) or not self._more(_CHUNK):  # a number may go on
                    self._at += len(raw)
                    return value, raw
            except DoubledKey as error:
                raise InputError(f"{self._name}, item {number}: {error}") from error
            except (json.JSONDecodeError, RecursionError) as error:
                why = reason(error, self._at)
                # Twice as much each time, so that a long element is not read over and over.
                if not self._more(max(_CHUNK, len(self._text))):
                    raise InputError(f"{self._name}, item {number}: not valid JSON ({why})") from error

    def _more(self, size: int) -> bool:
        self._text, self._at = self._text[self._at :], 0
        before = len(self._text)
        while not self._done and len(self._text) == before:
            chunk = self._stream.read(size)
            self._done = not chunk
            try:
                self._text += self._decode.decode(chunk, final=self._done)
            except UnicodeDecodeError as error:
                raise InputError(f"{self._name}: not UTF-8; save the file as UTF-8") from error
        return len(self._text) > before


class DoubledKey(ValueError):
    """A key that stands twice in one object: which of the two values is meant cannot be known."""

    def __str__(self) -> str:
        return f"key {shown_value(self.args[0])} stands twice in one object"


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object from its keys and values, as `json` hands them over; `DoubledKey`."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise DoubledKey(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return found


def reason(error: Exception, begin: int = 0) -> str:
    """What is wrong, and where, counted from the place ``begin``."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos - begin + 1}"
    return str(error)
