"""The rows to append: read and validated as those of a new workspace, to fit those there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from backend.data.assemble import some, without_joined
from backend.data.class_naming import Naming
from backend.data.columns import Columns
from backend.data.dataset import Split
from backend.data.fit import fitted, too_many_values
from backend.data.ids import content_ids
from backend.data.labels import LabelCodec, unknown_class
from backend.data.messages import shown_type, shown_value
from backend.data.rejected import Rejections
from backend.data.rows import is_json
from backend.data.sources import read
from backend.data.stored import with_own_columns
from backend.data.targets.codec import TargetCodec, encoded
from backend.data.targets.number_cells import NumberCodec
from backend.data.targets.registry import kind_of
from backend.data.validate import Usable, known_classes, known_targets, new_ids, usable
from backend.errors import InputError
from backend.manifest import Manifest, TaskInfo


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
    columns = columns_of(manifest)
    schema = before.table.select([*before.original_columns, *info.derived]).schema
    found = read(source, "train", columns, rejections)
    fit = fitted(found.rows, schema, columns, rejections)
    part = usable(fit.rows, columns, rejections)
    codec, naming = kind_of(columns.task).codec(columns, schema, "train"), Naming()
    if isinstance(codec, LabelCodec):
        (part,) = without_joined([part], columns.label, rejections)
        naming = Naming.recorded(info, merge).with_later(set(part.labels), manifest.classes)
    spelled = part
    if isinstance(codec, LabelCodec):
        part = known_classes(part, columns.label, codec, manifest.classes, naming, rejections)
    else:
        part = known_targets(part, columns.label, partial(_misfit, manifest.task, codec), rejections)
    if columns.id is not None:
        part = new_ids(part, columns.id, set(before.ids), rejections)
    part = some(part, rejections, "train")
    ids = part.ids
    if ids is None:
        ids = content_ids("t", part.examples, taken=before.ids)
    table = _stored(part, fit.schema, () if columns.form else columns.targets, codec, naming)
    return NewRows(
        part, ids, with_own_columns(table, ids, part.examples), fit.missing, found.left_out, spelled, naming
    )


def columns_of(manifest: Manifest) -> Columns:
    """The columns that a workspace was made with; all of its rows are of one split."""
    info = manifest.data
    return Columns(
        info.text,
        info.label,
        info.text_b,
        info.id,
        info.group,
        annotator=info.annotator,
        labels=info.labels,
        task=manifest.task.name,
        form=info.form,
        system=info.system,
        tools=info.tools,
        loss=manifest.task.loss or "answers",
    )


def _misfit(task: TaskInfo, codec: TargetCodec, target: str) -> str | None:
    """Why a row with this target can't be stored, or learnt from; None where it can."""
    unknown = [each for each in kind_of(task.name).labels(target) if each not in task.classes]
    if unknown:
        return unknown_class(unknown[0], task.classes)
    if isinstance(codec, NumberCodec):
        try:
            codec.encode(target)
        except ValueError:
            return f"{shown_value(target)} cannot be stored in the column ({shown_type(codec.type)})"
    return None


def _stored(
    part: Usable, schema: pa.Schema, labels: Sequence[str], codec: TargetCodec, naming: Naming
) -> pa.Table:
    """The rows as a table of ``schema``, labels as their cells are where its label column can hold these."""
    arrays = [
        _label_cells(part, field, codec, naming)
        if field.name in labels
        else part.rows.table.column(field.name)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _label_cells(part: Usable, field: pa.Field, codec: TargetCodec, naming: Naming) -> pa.Array:
    cells = part.rows.values(field.name)
    if isinstance(codec, LabelCodec):
        written = [codec.encode(naming.label_of(name)) for name in part.labels]
        if codec.kind in ("name", "nested"):
            written = [
                cell if codec.kind == "nested" or isinstance(cell, str) else label
                for cell, label in zip(cells, written, strict=True)
            ]
    else:
        written = [
            encoded(codec, field.name, target, cell) for target, cell in zip(part.labels, cells, strict=True)
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
