"""The training rows of a language model with what was corrected, in the columns and types of the source."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from backend.data.chat_rows import columns_by_role, with_masks
from backend.data.columns import MASKED
from backend.data.conversation import Conversation
from backend.data.dataset import Split
from backend.data.messages import shown_type, shown_value
from backend.data.nested import dug, place_of, planted
from backend.data.rows import Rows, is_json, is_text
from backend.data.spans import Spans
from backend.data.turns import Cells, NotARow, conversation_of
from backend.data.written_turns import rewritten_cells
from backend.errors import InputError
from backend.manifest import Form

_SPANS = pa.list_(pa.list_(pa.int64()))


def corrected_table(split: Split, new: Mapping[int, str]) -> pa.Table:
    """The split's table with the ``new`` targets of some rows, by place.

    A column `MASKED` is there where the words of some text or pair are out of the loss. `InputError` where a
    column can't hold what was corrected.
    """
    form = split.info.form
    roles = with_masks(form, columns_by_role(form, split.info.model_dump()), split.original_columns)
    written: dict[str, dict[int, Any]] = {}
    for place, target in new.items():
        cells = {role: _cell(split, split.table, name, place) for role, name in roles.items()}
        row = Conversation.of(split.texts_of(place)[0], target)
        for role, value in rewritten_cells(form, cells, row).items():
            written.setdefault(role, {})[place] = value
    table = split.table
    for role, values in written.items():
        if role != MASKED or MASKED in roles or any(values.values()):
            table = _with_values(split, table, roles.get(role, role), values)
    _check(split, table, new)
    return table.replace_schema_metadata(split.table.schema.metadata)


def _with_values(split: Split, table: pa.Table, name: str, values: Mapping[int, Any]) -> pa.Table:
    """``table`` with other cells in a column, or where a dotted name leads; `MASKED` may be a new one."""
    if name == MASKED and name not in table.column_names:
        return table.append_column(MASKED, pa.array([values.get(at) for at in range(len(table))], _SPANS))
    column, path = name, list[str]()
    if name in split.info.derived:
        found = place_of(name, split.original_columns)
        assert found is not None
        column, path = found
    at = table.column_names.index(column)
    field = table.schema.field(at)
    writes = {place: partial(_instead, value) for place, value in values.items()}
    try:
        cells = _cells(field, table.column(at), path, writes)
        kind = field.type
        if MASKED in json.dumps(list(values.values()), default=repr):
            kind = _with_key(kind)
        return table.set_column(at, field.with_type(kind), pa.array(cells, kind))
    except (pa.ArrowException, OverflowError, TypeError) as error:
        raise InputError(f"column {name!r} ({shown_type(field.type)}) cannot hold the corrections") from error


def _cells(
    field: pa.Field, column: pa.ChunkedArray, path: list[str], writes: Mapping[int, Callable[[Any], Any]]
) -> list[Any]:
    """The cells of a column with what ``writes`` puts at ``path``, as they are stored."""
    values = column.to_pylist()
    for place, write in writes.items():
        value = json.loads(values[place]) if is_json(field) and values[place] is not None else values[place]
        value = planted(value, path, write) if path else write(value)
        if is_json(field) or (is_text(field.type) and isinstance(value, list)):
            value = None if value is None else json.dumps(value, ensure_ascii=False)
        values[place] = value
    return values


def _instead(value: Any, own: Any) -> Any:
    return value


def _with_key(kind: pa.DataType) -> pa.DataType:
    """The type with a field `MASKED` in its messages, where these are objects with fields of their own."""
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_with_key(kind.value_type)))
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_with_key(kind.value_type)))
    if not pa.types.is_struct(kind):
        return kind
    fields = [kind.field(place) for place in range(kind.num_fields)]
    names = {each.name for each in fields}
    if MASKED not in names and ({"role", "content"} <= names or {"from", "value"} <= names):
        return pa.struct([*fields, pa.field(MASKED, _SPANS)])
    return pa.struct([each.with_type(_with_key(each.type)) for each in fields])


def _cell(split: Split, table: pa.Table, name: str, place: int) -> Any:
    """A cell of ``table``, or what lies in it at the end of a dotted name."""
    column, path = name, list[str]()
    if name in split.info.derived:
        column, path = place_of(name, split.original_columns) or (name, [])
    one = Rows("train", table.select([column]).slice(place, 1), np.zeros(1, dtype=np.int64))
    (value,) = one.values(column)
    return dug(value, path) if path else value


def _check(split: Split, table: pa.Table, new: Mapping[int, str]) -> None:
    """`InputError` unless what was written is read as what was meant: nothing of it may be lost."""
    form = split.info.form
    roles = with_masks(form, columns_by_role(form, split.info.model_dump()), table.column_names)
    for place, target in new.items():
        row = Conversation.of(split.texts_of(place)[0], target)
        cells = {role: _cell(split, table, name, place) for role, name in roles.items()}
        if _learnt(form, cells) != [(each.text, each.masked) for each in row.shown if each.learnt]:
            name = shown_value(split.ids[place])
            raise InputError(f"row {name}: the columns of the data cannot hold how it was corrected")


def _learnt(form: Form, cells: Cells) -> list[tuple[str, Spans]] | None:
    try:
        return [(each.text, each.masked) for each in conversation_of(form, cells).learnt]
    except NotARow:
        return None
