"""The objects of a JSON file, one at a time: lines, elements of an array, or the rows inside one object."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from backend.data.json_text import DoubledKey, JsonText, elements, reason, unique_keys
from backend.errors import InputError

BOM = b"\xef\xbb\xbf"
Record = tuple[int, "dict[str, Any] | ValueError"]
Unit = Literal["line", "item"]
_BLANK = b" \t\r\n"
_CHUNK = 1 << 16


def json_records(
    stream: io.BufferedReader, name: str, lines: bool = True, look: bool = False
) -> tuple[Unit, Iterator[Record]]:
    """What the places of the records are called, and the records: place (1-based), object or why it is none.

    An array is read element by element, lines are read line by line: no more than one is held. Unless it is
    known that there are ``lines``, the file may also be one object that holds the rows; it is held as a
    whole, for a ``look`` only as far as the stream goes. `InputError` where the reading cannot go on behind
    a damaged place.
    """
    start = stream.peek(_CHUNK).removeprefix(BOM).lstrip(_BLANK)
    if start.startswith(b"[") and start[1:].lstrip(_BLANK)[:1] in (b"{", b"]", b""):
        return "item", _array(stream, name)
    first = start.split(b"\n", 1)[0].strip()
    if not lines and (
        first in (b"{", b"{}") or (start.startswith(b"{") and _is_onlyunique_keys(start, first))
    ):
        return "item", _inside(stream, name, look)
    return "line", _lines(stream)


def _is_onlyunique_keys(start: bytes, first: bytes) -> bool:
    """Whether a file of one line, or of an object over several lines, is no JSON Lines of several rows."""
    rest = start.split(b"\n", 1)[1:]
    if not rest or not rest[0].strip():
        return isinstance(_holder(first), list) or (not rest and len(first) >= _CHUNK)
    second = rest[0].lstrip().split(b"\n", 1)[0].rstrip()
    if first.endswith(b"}"):
        return second.startswith(b",")
    if first.endswith((b"[", b"{")) or second.endswith(b",") or not second.startswith(b"{"):
        return True
    return first.endswith(b",") and not _is_json(first[:-1])  # {"data": [{...}, over {...}]}


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


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


def _inside(stream: io.BufferedReader, name: str, look: bool) -> Iterator[Record]:
    """The rows within one object, which has to be read as a whole; for a ``look``, as far as it can be."""
    content, whole = _content(stream, look)
    if not whole:
        yield from _array_inside(io.BytesIO(content), name)
        return
    content = content.removeprefix(BOM)
    try:
        rows, odd = rows_inside(_loaded(content)), b"\\ud" in content.lower()
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error
    if not rows:
        raise InputError(
            f"{name}: one JSON object; rows are needed: an array of objects, or one JSON object a line"
        )
    for number, row in enumerate(rows, start=1):
        yield number, _checked(row, odd)


def _content(stream: io.BufferedReader, look: bool) -> tuple[bytes, bool]:
    """The bytes of a stream, and whether these are all: one too long is an `InputError` unless ``look``."""
    content = bytearray()
    try:
        while chunk := stream.read1(_CHUNK):
            content += chunk
    except InputError:
        if not look:
            raise
        return bytes(content), False
    return bytes(content), True


def _array_inside(stream: io.BytesIO, name: str) -> Iterator[Record]:
    """The elements of the first array of objects in an object of which only the beginning is known."""
    text = JsonText(stream, name)
    text.skip("{")
    try:
        while True:
            text.value(1)
            text.skip(":", "a key")
            if text.ahead() != "[":
                text.value(1)
            else:
                text.skip("[")
                has_rows = text.ahead() == "{"
                for number, (value, raw) in enumerate(elements(text), start=1):
                    if has_rows:
                        row = value["row"] if _is_wrapped(value) else value
                        yield number, _checked(row, "\\ud" in raw.lower())
                if has_rows:
                    return
            text.skip(",", "a value")
    except InputError as error:
        raise InputError(
            f"{name}: one JSON object, and no array of rows in its beginning; save it as an array of objects "
            "or one JSON object a line"
        ) from error


def rows_inside(value: Any) -> list[Any] | None:
    """The rows in an object: its only list of objects, or its columns as `pandas.to_json` writes them."""
    if not isinstance(value, dict) or not value:
        return None
    lists = [each for each in value.values() if isinstance(each, list) and each and _all_dicts(each)]
    if len(lists) == 1:
        rows = lists[0]
        return [each["row"] for each in rows] if all(map(_is_wrapped, rows)) else rows
    columns = list(value.values())
    alike = _all_dicts(columns) and all(each.keys() == columns[0].keys() for each in columns)
    if len(columns) > 1 and alike and columns[0] and all(key.isdecimal() for key in columns[0]):
        return [{column: cells[key] for column, cells in value.items()} for key in columns[0]]
    return None


def _is_wrapped(value: Any) -> bool:
    """Whether this is a row as the hub's viewer wraps it once more."""
    return isinstance(value, dict) and isinstance(value.get("row"), dict) and "row_idx" in value


def _all_dicts(values: Iterable[Any]) -> bool:
    return all(isinstance(each, dict) for each in values)


def _array(stream: io.BufferedReader, name: str) -> Iterator[Record]:
    """The elements of a JSON array; of the text no more is held than the element that is being read."""
    text = JsonText(stream, name)
    text.skip("[")
    for number, (value, raw) in enumerate(elements(text), start=1):
        yield number, _checked(value, "\\ud" in raw.lower())
    text.skip("", "the end of the array")


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
        return json.loads(text, object_pairs_hook=unique_keys)
    except DoubledKey:
        raise
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON ({reason(error)})") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not readable JSON ({str(error).split(';')[0]})") from error


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
