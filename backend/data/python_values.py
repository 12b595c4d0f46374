"""Arrow columns as Python values, also where Python's dates do not reach."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from backend.errors import InputError


def python_values(name: str, column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """The values of a column; a date or time outside of Python's range becomes Arrow's text for it.

    `InputError` naming the column where such a date lies inside a list or struct.
    """
    try:
        return column.to_pylist()
    except (OverflowError, ValueError) as error:
        if not pa.types.is_temporal(column.type):
            raise InputError(
                f"column {name!r} ({column.type}): holds values that Python has no form for ({error}); "
                "format parquet keeps them"
            ) from error
    texts = _texts(column).to_pylist()
    return [_value(scalar, text) for scalar, text in zip(column, texts, strict=True)]


def _value(scalar: pa.Scalar, text: str | None) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        return text


def _texts(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):  # with a time zone, Arrow's own text is wrong out there
        column = column.cast(pa.timestamp(column.type.unit))
    return column.cast(pa.string())
