"""Applying decisions to the training split: the cleaned rows, the removed rows, the patch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from backend.data.choices import in_form_of
from backend.data.class_naming import Naming
from backend.data.columns import MASKED, Columns
from backend.data.corrected_table import corrected_table
from backend.data.corrections import fits
from backend.data.dataset import Split
from backend.data.messages import listing, shown_type, shown_value
from backend.data.nested import place_of, planted
from backend.data.rows import is_json
from backend.data.rowstate import RowState
from backend.data.targets.codec import TargetCodec, encoded
from backend.data.targets.registry import counts_of, holds, kind_of, space_of
from backend.errors import InputError
from backend.manifest import TaskInfo

What = Literal["cleaned", "removed", "patch"]
_CAN_BE = {"number": "targets are numbers", "text": "targets are texts"}
PATCH_COLUMNS = ("id", "action", "old_label", "new_label", "reason", "author", "at")


@dataclass(frozen=True)
class Summary:
    """Rows of the training split (``n_before``), of each class before and after, and of each decision.

    ``relabelled``: rows that are not removed and have another label than they were given; such a row may
    be kept or flagged as well.
    """

    before: dict[str, int]
    after: dict[str, int]
    n_before: int
    kept: int
    flagged: int
    removed: int
    relabelled: int


def selected(split: Split, task: TaskInfo, states: Mapping[str, RowState], what: What) -> pa.Table:
    """The rows to export with their original columns, or the patch (all text).

    Order, types and schema metadata are those of the source. Decisions about rows that are not in
    ``split`` appear in the patch only. `InputError` for an unknown ``what`` or a label that is no class.
    """
    if what not in get_args(What):
        raise InputError(f"cannot export {shown_value(what)}; choose {listing(get_args(What))}")
    _check_labels(task, states)
    if what == "patch":
        return _patch(split, states)
    _check_rows(split, states)
    removed = np.array([_action(states, row_id) == "remove" for row_id in split.ids], dtype=bool)
    table = split.table if what == "removed" else _relabelled(split, task, states)
    more = [MASKED] if MASKED in table.column_names and MASKED not in split.original_columns else []
    chosen = table.filter(pa.array(removed if what == "removed" else ~removed))
    return chosen.select([*split.original_columns, *more])


def summary(split: Split, task: TaskInfo, states: Mapping[str, RowState]) -> Summary:
    """Counts of what cleaning changes; every class is listed, zeros included."""
    _check_labels(task, states)
    after: list[str] = []
    actions, relabelled = Counter[str](), 0
    for row_id, label in zip(split.ids, split.labels, strict=True):
        state = states.get(row_id)
        if state is not None:
            actions[state.action] += 1
        if state is None or state.action != "remove":
            new = _new_label(state, label)
            after.append(new)
            relabelled += new != label
    return Summary(
        before=counts_of(task, split.labels),
        after=counts_of(task, after),
        n_before=len(split),
        kept=actions["keep"],
        flagged=actions["flag"],
        removed=actions["remove"],
        relabelled=relabelled,
    )


def _action(states: Mapping[str, RowState], row_id: str) -> str | None:
    state = states.get(row_id)
    return state.action if state else None


def _new_label(state: RowState | None, label: str) -> str:
    return label if state is None or state.label is None else state.label


def _check_labels(task: TaskInfo, states: Mapping[str, RowState]) -> None:
    space = space_of(task)
    for row_id, state in states.items():
        if (state.label is not None or state.action == "relabel") and not holds(space, state.label):
            can_be = f"the classes are {listing(task.classes)}" if task.classes else _CAN_BE[space.edit]
            raise InputError(
                f"row {shown_value(row_id)} is relabelled to {shown_value(state.label)}, "
                f"which is no class; {can_be}"
            )


def _check_rows(split: Split, states: Mapping[str, RowState]) -> None:
    """`InputError` for a target that is none of its row, where rows say what targets are."""
    for at, row_id in enumerate(split.ids) if split.info.form else ():
        label = states[row_id].label if row_id in states else None
        if label is not None and label != split.labels[at] and not fits(split.texts_of(at)[0], label):
            raise InputError(f"row {shown_value(row_id)}: {shown_value(label)} is no target of this row")


def _relabelled(split: Split, task: TaskInfo, states: Mapping[str, RowState]) -> pa.Table:
    """The split's table with new labels written in the label column's own type.

    A row that keeps its class keeps its cell, however its label is spelled there.
    """
    new = {
        i: state.label
        for i, row_id in enumerate(split.ids)
        if (state := states.get(row_id)) is not None and state.label not in (None, split.labels[i])
    }
    if not new:
        return split.table
    if split.info.form:
        return corrected_table(split, new)
    table, codec = split.table, _codec(split, task)
    for column in split.info.target_columns:
        table = _written(split, table, column, new, task, codec)
    return table.replace_schema_metadata(split.table.schema.metadata)


def _written(
    split: Split, table: pa.Table, column: str, new: Mapping[int, str], task: TaskInfo, codec: TargetCodec
) -> pa.Table:
    """``table`` with the ``new`` labels of some rows in ``column``, or where a dotted name leads from it."""
    path: list[str] = []
    name = column
    if column in split.info.derived:
        found = place_of(column, split.original_columns)
        assert found is not None
        column, path = found
    place = table.column_names.index(column)
    field, cells = table.schema.field(place), table.column(place)
    try:
        if path:
            writes = {i: partial(_leaf, split, task, codec, i, name, target) for i, target in new.items()}
            written = _planted(field, cells, path, writes)
        else:
            encode = partial(_encoded, split, task, codec, field)
            written = _replaced(cells, {i: encode(i, each) for i, each in new.items()})
    except (pa.ArrowException, OverflowError) as error:
        raise InputError(
            f"column {field.name!r} ({shown_type(field.type)}) cannot hold the new labels"
        ) from error
    return table.set_column(place, field, written)


def _planted(
    field: pa.Field, cells: pa.ChunkedArray, path: list[str], new: Mapping[int, Callable[[Any], Any]]
) -> pa.Array:
    """A column of objects with what ``new`` writes at ``path`` in some rows."""
    values = cells.to_pylist()
    for i, write in new.items():
        value = planted(json.loads(values[i]) if is_json(field) else values[i], path, write)
        values[i] = json.dumps(value, ensure_ascii=False) if is_json(field) else value
    return pa.array(values, field.type)


def _label(split: Split, name: str) -> str:
    """The label that stands for a class in the data."""
    return Naming.recorded(split.info).label_of(name)


def _codec(split: Split, task: TaskInfo) -> TargetCodec:
    info = split.info
    columns = Columns(info.text, info.label, labels=info.labels, task=task.name)
    return kind_of(task.name).codec(columns, split.table.schema, "train")


def _leaf(
    split: Split, task: TaskInfo, codec: TargetCodec, position: int, column: str, target: str, own: Any
) -> Any:
    """What stands for a target inside a nested value, in the form of what is there."""
    if task.name == "classification":
        return in_form_of(own, _label(split, target))
    try:
        return encoded(codec, column, target, own)
    except ValueError:
        raise _misfit(split, position, column, split.table.schema.field(column).type, target) from None


def check_storable(split: Split, task: TaskInfo, target: str) -> None:
    """`InputError` where the columns of the data can't hold a target, such as 2.5 in one of whole numbers."""
    if split.info.form:
        return  # texts are held by whatever holds the row
    codec = _codec(split, task)
    for column in split.info.target_columns if task.name != "classification" else ():
        try:
            encoded(codec, column, target)
        except ValueError:
            kind = shown_type(split.table.schema.field(column).type)
            raise InputError(f"column {column!r} ({kind}) cannot hold label {shown_value(target)}") from None


def _misfit(split: Split, position: int, column: str, kind: pa.DataType, target: str) -> InputError:
    return InputError(
        f"row {shown_value(split.ids[position])}: column {column!r} ({shown_type(kind)}) "
        f"cannot hold label {shown_value(target)}"
    )


def _encoded(
    split: Split, task: TaskInfo, codec: TargetCodec, field: pa.Field, position: int, name: str
) -> Any:
    """The cell for class ``name``, in the form of the row's own cell."""
    try:
        label = _label(split, name) if task.name == "classification" else name
        kept = codec.kind in ("nested", "name", "list", "joined", "flags")
        cell = encoded(codec, field.name, label, split.row(position)[field.name] if kept else None)
    except ValueError:
        raise _misfit(split, position, field.name, field.type, name) from None
    return json.dumps(cell, ensure_ascii=False) if is_json(field) else cell


def _replaced(column: pa.ChunkedArray, new: Mapping[int, Any]) -> pa.Array:
    """A column with ``new`` values at some positions; all categories of a dictionary stay."""
    kind = column.type
    if not pa.types.is_dictionary(kind):
        values = column.to_pylist()
        for i, value in new.items():
            values[i] = value
        return pa.array(values, kind)
    whole = pa.chunked_array(column.unify_dictionaries().chunks, kind).combine_chunks()
    categories = list(dict.fromkeys([*whole.dictionary.to_pylist(), *new.values()]))
    codes = _replaced(
        pa.chunked_array([whole.indices]), {i: categories.index(name) for i, name in new.items()}
    )
    return pa.DictionaryArray.from_arrays(codes, pa.array(categories, kind.value_type), ordered=kind.ordered)


def _patch(split: Split, states: Mapping[str, RowState]) -> pa.Table:
    """One row per decided row, in the order of the split; decided rows of no split come last.

    ``action`` is that of the newest decision, ``new_label`` the label that a relabel gave, so a row may
    be flagged and have a new label. The texts come last: ids that are hashes are in no other file.
    """
    labels: dict[str, str | None] = dict(zip(split.ids, split.labels, strict=True))
    decided = [row_id for row_id in split.ids if row_id in states]
    decided += [row_id for row_id in states if row_id not in labels]
    rows = [(row_id, labels.get(row_id), states[row_id]) for row_id in decided]
    cells = [(row_id, s.action, old, s.label, s.reason, s.author, s.at) for row_id, old, s in rows]
    columns = {name: [row[i] for row in cells] for i, name in enumerate(PATCH_COLUMNS)}
    for name, texts in split.examples.columns().items():
        known = dict(zip(split.ids, texts, strict=True))
        columns[name] = [known.get(row_id) for row_id in decided]
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
