"""Reading JSON Lines without loss: Arrow types where they hold every value, else JSON text."""

import json
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from backend.data.messages import shown_value
from backend.data.rejected import Rejected, Rejections
from backend.data.rows import JSON_FIELD, Rows
from backend.data.stream import open_source
from backend.errors import InputError

BOM = b"\xef\xbb\xbf"
MAX_COLUMNS = 1000


def read_jsonl(
    path: Path, name: str, text_columns: Collection[str], rejections: Rejections, limit: int
) -> Rows:
    """Read one JSON object a line; blank lines are not rows, a missing key is a null.

    Values in ``text_columns`` that are not text, among others that are, are listed as unusable.
    Lines that are not UTF-8, not a JSON object or have a key twice go to ``rejections`` as broken.
    `InputError` for a file without a line.
    """
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    n_lines = 0
    with open_source(path, name, limit) as stream:
        for number, line in enumerate(stream, start=1):
            content = line.removeprefix(BOM) if number == 1 else line
            if not content.strip():
                continue
            n_lines += 1
            try:
                records.append(_parse(content))
                numbers.append(number)
            except ValueError as error:
                rejections.broken(Rejected(name, number, None, str(error), unit="line"))
    if not n_lines:
        raise InputError(f"{name}: is empty; one JSON object a line is needed")
    records, numbers = _without_odd_texts(name, records, numbers, text_columns, rejections)
    columns = list(dict.fromkeys(key for record in records for key in record))
    if len(columns) > MAX_COLUMNS:
        raise InputError(f"{name}: {len(columns):,} different keys; at most {MAX_COLUMNS:,} can be columns")
    pairs = [_column(column, [record.get(column) for record in records]) for column in columns]
    table = pa.Table.from_arrays(
        [array for _, array in pairs], schema=pa.schema([field for field, _ in pairs])
    )
    return Rows(name, table, np.array(numbers, dtype=np.int64), unit="line")


def first_jsonl(path: Path, name: str, limit: int, most: int) -> Rows:
    """The first sound lines as rows."""
    records: list[dict[str, Any]] = []
    with open_source(path, name, limit) as stream:
        for line in stream:
            with suppress(ValueError):
                records.append(_parse(line.removeprefix(BOM)))
            if len(records) == most:
                break
    columns = list(dict.fromkeys(key for record in records for key in record))[:MAX_COLUMNS]
    pairs = [_column(column, [record.get(column) for record in records]) for column in columns]
    schema = pa.schema([field for field, _ in pairs])
    return Rows.of_table(name, pa.Table.from_arrays([array for _, array in pairs], schema=schema))


class _Doubled(ValueError):
    """A key that stands twice in one object: which of the two values is meant cannot be known."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Doubled(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return found


def _parse(line: bytes) -> dict[str, Any]:
    """One line as a dict; ValueError with the reason if it is none."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1}: not UTF-8; save the file as UTF-8") from error
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except _Doubled as error:
        raise ValueError(f"key {shown_value(error.args[0])} stands twice in one object") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON ({error.msg} at character {error.pos + 1})") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not readable JSON ({str(error).split(';')[0]})") from error
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object is needed, this is a {type(value).__name__}")
    # Half of a surrogate pair, written as \ud83d alone, is no character: no encoder can store it.
    if b"\\ud" in line.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("half of a surrogate pair (\\ud800 to \\udfff alone) is no character") from error
    return value


def _without_odd_texts(
    name: str,
    records: list[dict[str, Any]],
    numbers: list[int],
    columns: Collection[str],
    rejections: Rejections,
) -> tuple[list[dict[str, Any]], list[int]]:
    """Leave out records whose text is not text, if others are (else the whole column is wrong)."""
    bad: set[int] = set()
    for column in columns:
        values = [record.get(column) for record in records]
        odd = [i for i, value in enumerate(values) if value is not None and not isinstance(value, str)]
        if odd and any(isinstance(value, str) for value in values):
            for i in odd:
                reason = f"is {_kind(values[i])}, not text"
                if i not in bad:
                    rejections.unusable(Rejected(name, numbers[i], column, reason, unit="line"))
            bad.update(odd)
    if not bad:
        return records, numbers
    kept = [i for i in range(len(records)) if i not in bad]
    return [records[i] for i in kept], [numbers[i] for i in kept]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    kinds = {int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds[type(value)]


def _column(name: str, values: list[Any]) -> tuple[pa.Field, pa.Array]:
    """A column in its Arrow type if that gives back exactly ``values``, else as JSON text."""
    array = _exact(values)
    if array is not None:
        return pa.field(name, array.type), array
    texts = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
    return pa.field(name, pa.string(), metadata=JSON_FIELD), pa.array(texts, pa.string())


def _exact(values: list[Any]) -> pa.Array | pa.ChunkedArray | None:
    kinds = {type(value) for value in values if value is not None}
    try:
        array = pa.array(values)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return None
    if len(kinds) <= 1 and kinds <= {str, bool, int, float}:
        return array
    # As JSON texts the two differ wherever 1 became 1.0, a missing key a null, or keys changed order.
    same = _storable(array.type) and json.dumps(values) == json.dumps(array.to_pylist(), default=repr)
    return array if same else None


def _storable(kind: pa.DataType) -> bool:
    """Whether Parquet can hold the type (it has no struct without fields)."""
    children = [kind.field(i).type for i in range(kind.num_fields)]
    return (not pa.types.is_struct(kind) or bool(children)) and all(_storable(child) for child in children)
