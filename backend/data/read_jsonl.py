"""Reading JSON without loss: Arrow types where they hold every value, else JSON text."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from backend.data.first_look import stopping_at_damage
from backend.data.json_records import json_records
from backend.data.rejected import Rejected, Rejections
from backend.data.rows import JSON_FIELD, Rows
from backend.data.stream import open_source
from backend.errors import InputError

MAX_COLUMNS = 1000


def read_jsonl(
    path: Path, name: str, text_columns: Collection[str], rejections: Rejections, limit: int
) -> Rows:
    """Read JSON objects: one a line, or the elements of an array; a missing key is a null.

    Values in ``text_columns`` that are not text, among others that are, are listed as unusable.
    Lines or elements that are not UTF-8, no object or have a key twice go to ``rejections`` as broken.
    `InputError` for a file without one, and for a broken array.
    """
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    n_records = 0
    with open_source(path, name, limit) as stream:
        unit, found = json_records(stream, name, _has_lines(path))
        for number, record in found:
            n_records += 1
            if isinstance(record, ValueError):
                rejections.broken(Rejected(name, number, None, str(record), unit=unit))
            else:
                records.append(record)
                numbers.append(number)
    if not n_records:
        raise InputError(f"{name}: is empty; JSON objects are needed, one a line or in an array")
    records, numbers = _without_odd_texts(name, records, numbers, text_columns, rejections, unit)
    columns = list(dict.fromkeys(key for record in records for key in record))
    if len(columns) > MAX_COLUMNS:
        raise InputError(f"{name}: {len(columns):,} different keys; at most {MAX_COLUMNS:,} can be columns")
    return Rows(name, _table(records, columns), np.array(numbers, dtype=np.int64), unit=unit)


def first_jsonl(path: Path, name: str, limit: int, most: int) -> Rows:
    """The first sound objects as rows."""
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    with open_source(path, name, limit) as stream:
        unit, found = json_records(stream, name, _has_lines(path), look=True)
        with stopping_at_damage(records) as look:
            for number, record in found:
                if not isinstance(record, ValueError):
                    records.append(record)
                    numbers.append(number)
                if len(records) == most:
                    break
    stopped = look.damaged or len(records) == most
    columns = list(dict.fromkeys(key for record in records for key in record))[:MAX_COLUMNS]
    return Rows(name, _table(records, columns), np.array(numbers, dtype=np.int64), unit=unit, stopped=stopped)


def _has_lines(path: Path) -> bool:
    """Whether the name says that the file has an object a line; ``.json`` leaves it open."""
    return not path.name.lower().removesuffix(".gz").endswith(".json")


def _table(records: list[dict[str, Any]], columns: list[str]) -> pa.Table:
    pairs = [exact_column(column, [record.get(column) for record in records]) for column in columns]
    return pa.Table.from_arrays(
        [array for _, array in pairs], schema=pa.schema([field for field, _ in pairs])
    )


def _without_odd_texts(
    name: str,
    records: list[dict[str, Any]],
    numbers: list[int],
    columns: Collection[str],
    rejections: Rejections,
    unit: str,
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
                    rejections.unusable(Rejected(name, numbers[i], column, reason, unit))
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


def exact_column(name: str, values: list[Any]) -> tuple[pa.Field, pa.Array]:
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
