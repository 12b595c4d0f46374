"""The rows to append: read and validated as those of a new workspace, to fit those there."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pyarrow as pa

from backend.data.assemble import some, without_joined
from backend.data.class_naming import Naming
from backend.data.columns import Columns
from backend.data.dataset import Split
from backend.data.fit import fitted, too_many_values
from backend.data.ids import content_ids
from backend.data.labels import LabelCodec
from backend.data.messages import shown_type
from backend.data.rejected import Rejections
from backend.data.rows import is_json
from backend.data.sources import read
from backend.data.stored import with_own_columns
from backend.data.validate import Usable, known_classes, new_ids, usable
from backend.errors import InputError
from backend.folder import Manifest


@dataclass(frozen=True)
class NewRows:
    """The rows to append: validated, and as a table like that of the training split.

    ``spelled``: the rows with their labels as the cells have them; ``naming`` says what these mean.
    """

    part: Usable
    ids: list[str]
    table: pa.Table
    missing: tuple[str, ...]
    left_out: dict[str, int]
    spelled: Usable
    naming: Naming


def read_new(source: str, before: Split, manifest: Manifest, rejections: Rejections, merge: bool) -> NewRows:
    """Read and validate ``source`` as `ingest` does, then make it fit the rows ``before``. `InputError`."""
    info = before.info
    columns = Columns(info.text, info.label, info.text_b, info.id, info.group, annotator=info.annotator)
    schema = before.table.select([*before.original_columns, *info.derived]).schema
    found = read(source, "train", columns, rejections)
    fit = fitted(found.rows, schema, columns, rejections)
    part = usable(fit.rows, columns, rejections)
    codec = LabelCodec.of(schema, columns.label, "train")
    (part,) = without_joined([part], columns.label, rejections)
    naming = Naming.recorded(info, merge).with_later(set(part.labels), manifest.classes)
    spelled = part
    part = known_classes(part, columns.label, codec, manifest.classes, naming, rejections)
    if columns.id is not None:
        part = new_ids(part, columns.id, set(before.ids), rejections)
    part = some(part, rejections, "train")
    ids = part.ids
    if ids is None:
        ids = content_ids("t", part.examples, taken=before.ids)
    table = _stored(part, fit.schema, columns.label, codec, naming)
    return NewRows(
        part, ids, with_own_columns(table, ids, part.labels), fit.missing, found.left_out, spelled, naming
    )


def _stored(part: Usable, schema: pa.Schema, label: str, codec: LabelCodec, naming: Naming) -> pa.Table:
    """The rows as a table of ``schema``, labels as their cells are where its label column can hold these."""
    arrays = [
        _label_cells(part, field, codec, naming)
        if field.name == label
        else part.rows.table.column(field.name)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _label_cells(part: Usable, field: pa.Field, codec: LabelCodec, naming: Naming) -> pa.Array:
    cells = part.rows.values(field.name)
    written = [codec.encode(naming.label_of(name)) for name in part.labels]
    if codec.kind in ("name", "nested"):
        written = [
            cell if codec.kind == "nested" or isinstance(cell, str) else label
            for cell, label in zip(cells, written, strict=True)
        ]
    if is_json(field):
        written = [json.dumps(each, ensure_ascii=False) for each in written]
    try:
        return pa.array(written, field.type)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(
            f"{part.rows.file}, column {field.name!r}: does not fit the column of the workspace, which holds "
            f"{shown_type(field.type)}"
        ) from error


def behind(old: pa.Table, new: pa.Table, file: str) -> pa.Table:
    """The rows of both, in the types of ``new``; `InputError` where together they have too many
    categories."""
    table = pa.concat_tables([_retyped(old, new.schema), new])
    for each, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_dictionary(each.type):
            try:
                column.unify_dictionaries()
            except pa.ArrowException as error:
                raise too_many_values(file, each) from error
    return table


def _retyped(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """``table`` in the types of ``schema``, which differ from its own where all values are null."""
    arrays = [
        column if column.type == field.type else pa.nulls(table.num_rows, field.type)
        for field, column in zip(schema, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
