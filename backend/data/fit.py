"""Bringing the rows of another source into the columns and types of a table that is there already."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from backend.data.columns import Columns
from backend.data.conversations import found_messages
from backend.data.messages import listing, shown_type, shown_value
from backend.data.read_csv import typed
from backend.data.rejected import Rejections
from backend.data.rows import Rows, is_json, is_text
from backend.errors import InputError

Column: TypeAlias = pa.Array | pa.ChunkedArray


@dataclass(frozen=True)
class Fitted:
    """``rows`` with the columns of ``schema``, all but the label column in its types.

    ``missing`` names the columns that the source lacks: all null in ``rows``.
    """

    rows: Rows
    schema: pa.Schema
    missing: tuple[str, ...]


def fitted(rows: Rows, schema: pa.Schema, columns: Columns, rejections: Rejections) -> Fitted:
    """The rows in the columns and types of ``schema``; the label column keeps its own type.

    A column that has held only nulls takes its type from the new rows. Rows with a value that does not
    fit its column without change go to ``rejections`` as broken. `InputError` for columns that
    ``schema`` lacks, and for missing ones that mean something or may not be null.
    """
    rows.require(columns.named)
    _refuse_new(rows, schema)
    ok = np.ones(len(rows), dtype=bool)
    target, made = _typed_by(schema, rows), {}
    missing = [name for name in target.names if name not in rows.table.column_names]
    for field in target:
        if field.name in missing:
            made[field] = _nulls(field, rows)
        elif _left_to_validation(rows, field, columns):
            made[rows.field(field.name)] = rows.table.column(field.name)
        else:
            filled = bool(columns.form) and field.name in columns.contents
            made[field] = _column(rows, field, ok, rejections, filled)
            if not field.nullable and field.name not in columns.named:
                _refuse_nulls(rows, field, made[field], ok, rejections)
    described = pa.schema(list(made), rows.table.schema.metadata)
    table = pa.Table.from_arrays(list(made.values()), schema=described)
    return Fitted(replace(rows, table=table).where(ok), target, tuple(missing))


def _refuse_new(rows: Rows, schema: pa.Schema) -> None:
    new = [name for name in rows.table.column_names if name not in schema.names]
    if new:
        raise InputError(
            f"{rows.file}: the workspace has no column {listing(new)}, its columns are "
            f"{listing(schema.names)}; rename or leave out what it lacks"
        )


def _typed_by(schema: pa.Schema, rows: Rows) -> pa.Schema:
    """``schema`` with the types of ``rows`` for columns that have none so far."""
    fields = [
        rows.field(field.name).with_nullable(True)
        if pa.types.is_null(field.type) and field.name in rows.table.column_names
        else field
        for field in schema
    ]
    return pa.schema(fields, schema.metadata)


def _nulls(field: pa.Field, rows: Rows) -> pa.Array:
    if not field.nullable:
        raise InputError(f"{rows.file}: no column {field.name!r}, which may not be null in the workspace")
    return pa.nulls(len(rows), field.type)


def _left_to_validation(rows: Rows, field: pa.Field, columns: Columns) -> bool:
    """Whether a column keeps its type here: the labels, and a text column that holds no text.

    Never a column of rows for language models: what is validated are the rows, not its cells.
    """
    if columns.form:
        return False
    if field.name in columns.targets:
        return not (rows.guessed and is_text(field.type))
    source = rows.field(field.name)
    no_text = is_json(source) or not (is_text(source.type) or pa.types.is_null(source.type))
    return field.name in columns.texts and no_text


def _column(
    rows: Rows, field: pa.Field, ok: np.ndarray, rejections: Rejections, filled: bool = False
) -> Column:
    """A column in the type of ``field``: null, and false in ``ok``, where a value does not fit.

    ``filled``: it belongs to rows for language models. Messages are lists or text as they are there, and
    keys that they lack are null, as in files with types.
    """
    source = rows.field(field.name)
    if source.type == field.type and is_json(source) == is_json(field):
        return rows.table.column(field.name)
    values = rows.values(field.name)
    if rows.guessed:
        values = [_as_written(value, field) for value in values]
    if filled:
        values = [_filled(value, None if is_json(field) else field.type) for value in values]
    array = _array(values, field)
    if array is not None:
        return array
    for i, value in enumerate(values):
        if _array([value], field) is None:
            _reject(rows, i, field, f"{shown_value(value)} does not fit", ok, rejections)
            values[i] = None
    array = _array(values, field)
    if array is None:  # each fits, but not all together
        raise too_many_values(rows.file, field)
    return array


def _filled(value: Any, kind: pa.DataType | None) -> Any:
    """A value with a null for every key that an object of this type would have; None: of any type.

    In text a list is JSON, and JSON text of messages is a list elsewhere.
    """
    if kind is not None and is_text(kind):
        return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
    if isinstance(value, str):
        value = found_messages(value) or value
    if kind is None:
        return value
    if isinstance(value, list) and (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return [_filled(each, kind.value_type) for each in value]
    if isinstance(value, dict) and pa.types.is_struct(kind):
        fields = [kind.field(place) for place in range(kind.num_fields)]
        return {**value, **{each.name: _filled(value.get(each.name), each.type) for each in fields}}
    return value


def too_many_values(file: str, field: pa.Field) -> InputError:
    """The complaint about more categories than the type of a column has numbers for."""
    return InputError(f"{file}, column {field.name!r}: too many different values for a column of categories")


def _reject(
    rows: Rows, position: int, field: pa.Field, problem: str, ok: np.ndarray, rejections: Rejections
) -> None:
    if ok[position]:
        kind = "JSON" if is_json(field) else shown_type(field.type)
        reason = f"{problem} the column's type in the workspace ({kind})"
        rejections.broken(rows.rejected(position, field.name, reason))
    ok[position] = False


def _refuse_nulls(rows: Rows, field: pa.Field, array: Column, ok: np.ndarray, rejections: Rejections) -> None:
    for i in np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)).tolist():
        _reject(rows, i, field, "no value, which does not fit", ok, rejections)


def _as_written(value: Any, field: pa.Field) -> Any:
    """A value of a format without types as the column has it: its cell as text, or the number it writes."""
    cell = "" if value is None else value if isinstance(value, str) else repr(value)
    if is_text(field.type) and not is_json(field):
        return cell
    if not cell:
        return None
    return typed([cell]).to_pylist()[0] if isinstance(value, str) and _is_number(field.type) else value


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _array(values: Sequence[Any], field: pa.Field) -> Column | None:
    """``values`` in the type of ``field``, None unless all can be had back unchanged."""
    try:
        if is_json(field):
            texts = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
            return pa.array(texts, field.type)
        array = pa.array(values, field.type)
        if array.type != field.type:  # Arrow takes wider numbers where a dictionary needs them
            return None
        return array if all(map(_same, values, array.to_pylist())) else None
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return None


def _same(value: Any, stored: Any) -> bool:
    """Whether two values are the same, whatever type of number holds it; float32 may round."""
    if isinstance(value, dict) and isinstance(stored, dict):
        return value.keys() == stored.keys() and all(_same(value[key], stored[key]) for key in value)
    if isinstance(value, list) and isinstance(stored, list):
        return len(value) == len(stored) and all(map(_same, value, stored))
    if isinstance(value, bool) != isinstance(stored, bool):
        return False
    if isinstance(value, float) and isinstance(stored, float):
        both_nan = math.isnan(value) and math.isnan(stored)
        rounded = math.isfinite(stored) and float(np.float32(value)) == stored
        return value == stored or both_nan or rounded
    return bool(value == stored)
