"""Text that is not UTF-8, which Parquet and Arrow files can hold although they must not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from backend.data.columns import Columns
from backend.data.messages import first_line
from backend.data.rejected import Rejections
from backend.data.rows import Rows
from backend.errors import InputError


def well_encoded(rows: Rows, columns: Columns, rejections: Rejections) -> Rows:
    """``rows`` without those whose text, label or id is not UTF-8; they go to ``rejections`` as broken.

    `InputError` naming row and column where another column holds such text, and for damaged columns.
    """
    ok = np.ones(len(rows), dtype=bool)
    for name, column in zip(rows.table.column_names, rows.table.columns, strict=True):
        if pa.types.is_temporal(column.type) or pa.types.is_decimal(column.type):
            continue  # of odd dates Arrow complains too, but they do no harm
        bad = _undecodable(rows, name, column)
        for i in bad:
            rejected = rows.rejected(i, name, "not UTF-8")
            if name not in (*columns.contents, columns.id):
                raise InputError(f"{rejected}; correct it")
            if ok[i]:
                rejections.broken(rejected)
            ok[i] = False
    return rows.where(ok)


def _undecodable(rows: Rows, name: str, column: pa.ChunkedArray) -> list[int]:
    """Positions of the rows whose value holds text that is not UTF-8."""
    try:
        column.validate(full=True)
        return []
    except pa.ArrowInvalid as error:
        bad = [i for i, value in enumerate(column) if not _decodes(value)] if "UTF8" in str(error) else []
        if not bad:
            raise InputError(f"{rows.file}, column {name!r}: is damaged ({first_line(error)})") from error
        return bad


def _decodes(value: pa.Scalar) -> bool:
    try:
        value.as_py()
    except UnicodeDecodeError:
        return False
    except (OverflowError, ValueError):  # a date that Python cannot hold
        return True
    return True
