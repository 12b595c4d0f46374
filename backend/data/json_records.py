"""The objects of a JSON file, one at a time: lines, elements of an array, or the rows inside one object."""

from __future__ import annotations

import codecs
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from backend.data.messages import shown_value
from backend.errors import InputError

BOM = b"\xef\xbb\xbf"
Record = tuple[int, "dict[str, Any] | ValueError"]
Unit = Literal["line", "item"]
_BLANK = b" \t\r\n"
_CHUNK = 1 << 16


def json_records(stream: io.BufferedReader, name: str, lines: bool = True) -> tuple[Unit, Iterator[Record]]:
    """What the places of the records are called, and the records: place (1-based), object or why it is none.

    An array is read element by element, lines are read line by line: no more than one is held. Unless it is
    known that there are ``lines``, the file may also be one object that holds the rows. `InputError` where
    the reading cannot go on behind a damaged place.
    """
    start = stream.peek(_CHUNK).removeprefix(BOM).lstrip(_BLANK)
    if start.startswith(b"[") and start[1:].lstrip(_BLANK)[:1] in (b"{", b"]", b""):
        return "item", _elements(stream, name)
    first = start.split(b"\n", 1)[0].strip()
    if not lines and (first in (b"{", b"{}") or (start.startswith(b"{") and _is_only_object(start, first))):
        return "item", _inside(stream, name)
    return "line", _lines(stream)


def _is_only_object(start: bytes, first: bytes) -> bool:
    """Whether a file of one line, or of an object over several lines, is no JSON Lines of several rows."""
    rest = start.split(b"\n", 1)[1:]
    if rest and rest[0].strip():
        return not first.endswith(b"}") and not rest[0].lstrip().startswith(b"{")
    return isinstance(_holder(first), list) or (not rest and len(first) >= _CHUNK)


def _holder(text: bytes) -> Any:
    try:
        return rows_inside(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _lines(stream: io.BufferedReader) -> Iterator[Record]:
    for number, line in enumerate(stream, start=1):
        content = line.removeprefix(BOM) if number == 1 else line
        if content.strip():
            try:
                yield number, parsed_line(content)
            except ValueError as error:
                yield number, error


def _inside(stream: io.BufferedReader, name: str) -> Iterator[Record]:
    """The rows within one object, which has to be read as a whole."""
    try:
        content = stream.read().removeprefix(BOM)
        rows, odd = rows_inside(_loaded(content)), b"\\ud" in content.lower()
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error
    if not rows:
        raise InputError(
            f"{name}: one JSON object; rows are needed: an array of objects, or one JSON object a line"
        )
    for number, row in enumerate(rows, start=1):
        yield number, _checked(row, odd)


def rows_inside(value: Any) -> list[Any] | None:
    """The rows in an object: its only list of objects, or its columns as `pandas.to_json` writes them."""
    if not isinstance(value, dict) or not value:
        return None
    lists = [each for each in value.values() if isinstance(each, list) and each and _all_dicts(each)]
    if len(lists) == 1:
        rows = lists[0]
        # The hub's viewer wraps each row once more.
        wrapped = all(isinstance(each.get("row"), dict) and "row_idx" in each for each in rows)
        return [each["row"] for each in rows] if wrapped else rows
    columns = list(value.values())
    alike = _all_dicts(columns) and all(each.keys() == columns[0].keys() for each in columns)
    if len(columns) > 1 and alike and columns[0] and all(key.isdecimal() for key in columns[0]):
        return [{column: cells[key] for column, cells in value.items()} for key in columns[0]]
    return None


def _all_dicts(values: Iterable[Any]) -> bool:
    return all(isinstance(each, dict) for each in values)


def _elements(stream: io.BufferedReader, name: str) -> Iterator[Record]:
    """The elements of a JSON array; of the text no more is held than the element that is being read."""
    text = _Text(stream, name)
    text.skip("[")
    number = 0
    while True:
        if number or text.ahead() != "]":
            number += 1
            value, raw = text.value(number)
            yield number, _checked(value, "\\ud" in raw.lower())
        if text.ahead() == "]":
            text.skip("]")
            text.skip("", "the end of the array")
            return
        text.skip(",", f"item {number}")


class _Text:
    """The text of a stream, from where it has been read on."""

    def __init__(self, stream: io.BufferedReader, name: str) -> None:
        self._stream, self._name = stream, name
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._done, self._at = "", False, 0
        self._decoder = json.JSONDecoder(object_pairs_hook=_object)

    def ahead(self) -> str:
        """The next character that is no blank; "" at the end."""
        while True:
            self._at = len(self._text) - len(self._text[self._at :].lstrip(" \t\r\n"))
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
        self._text, self._at = self._text[self._at :], 0
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text)
                if end < len(self._text) or not self._more(_CHUNK):  # a number may go on
                    self._at = end
                    return value, self._text[:end]
            except _Doubled as error:
                raise InputError(f"{self._name}, item {number}: {error}") from error
            except (json.JSONDecodeError, RecursionError) as error:
                # Twice as much each time, so that a long element is not read over and over.
                if not self._more(max(_CHUNK, len(self._text))):
                    raise InputError(
                        f"{self._name}, item {number}: not valid JSON ({_reason(error)})"
                    ) from error

    def _more(self, size: int) -> bool:
        before = len(self._text)
        while not self._done and len(self._text) == before:
            chunk = self._stream.read(size)
            self._done = not chunk
            try:
                self._text += self._decode.decode(chunk, final=self._done)
            except UnicodeDecodeError as error:
                raise InputError(f"{self._name}: not UTF-8; save the file as UTF-8") from error
        return len(self._text) > before


class _Doubled(ValueError):
    """A key that stands twice in one object: which of the two values is meant cannot be known."""

    def __str__(self) -> str:
        return f"key {shown_value(self.args[0])} stands twice in one object"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Doubled(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return found


def parsed_line(line: bytes) -> dict[str, Any]:
    """One line as a dict; ValueError with the reason if it is none."""
    value = _checked(_loaded(line), b"\\ud" in line.lower())
    if isinstance(value, ValueError):
        raise value
    return value


def _loaded(content: bytes) -> Any:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1}: not UTF-8; save the file as UTF-8") from error
    try:
        return json.loads(text, object_pairs_hook=_object)
    except _Doubled:
        raise
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON ({_reason(error)})") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not readable JSON ({str(error).split(';')[0]})") from error


def _reason(error: Exception) -> str:
    return (
        f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else str(error)
    )


def _checked(value: Any, odd: bool) -> dict[str, Any] | ValueError:
    """The value, or why it is no row; ``odd``: it may hold half of a surrogate pair."""
    if not isinstance(value, dict):
        return ValueError(f"a JSON object is needed, this is a {type(value).__name__}")
    # Half of a surrogate pair, written as \ud83d alone, is no character: no encoder can store it.
    try:
        if odd:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return ValueError("half of a surrogate pair (\\ud800 to \\udfff alone) is no character")
    return value
