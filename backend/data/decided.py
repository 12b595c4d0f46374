"""Applying decisions to the training split: the cleaned rows, the removed rows, the patch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pyarrow as pa

from backend.data.dataset import Split
from backend.data.labels import LabelCodec
from backend.data.messages import listing, shown_value
from backend.data.rowstate import RowState
from backend.errors import InputError

What = Literal["cleaned", "removed", "patch"]
PATCH_COLUMNS = ("id", "action", "old_label", "new_label", "reason", "author", "at")


@dataclass(frozen=True)
class Summary:
    """Rows per class of the training split before and after, and rows per decision."""

    before: dict[str, int]
    after: dict[str, int]
    kept: int
    flagged: int
    removed: int
    relabelled: int


def selected(split: Split, classes: tuple[str, ...], states: Mapping[str, RowState], what: What) -> pa.Table:
    """The rows to export with their original columns, or the patch (seven text columns).

    Order, types and schema metadata are those of the source. Decisions about rows that are not in
    ``split`` appear in the patch only. `InputError` for an unknown ``what`` or a label that is no class.
    """
    if what not in get_args(What):
        raise InputError(f"cannot export {shown_value(what)}; choose {listing(get_args(What))}")
    _check_labels(classes, states)
    if what == "patch":
        return _patch(split, states)
    removed = np.array([_action(states, row_id) == "remove" for row_id in split.ids], dtype=bool)
    table = split.table if what == "removed" else _relabelled(split, states)
    return table.filter(pa.array(removed if what == "removed" else ~removed)).select(split.original_columns)


def summary(split: Split, classes: tuple[str, ...], states: Mapping[str, RowState]) -> Summary:
    """Counts of what cleaning changes; every class is listed, zeros included."""
    _check_labels(classes, states)
    before, after, actions = Counter(split.labels), Counter[str](), Counter[str]()
    for row_id, label in zip(split.ids, split.labels, strict=True):
        state = states.get(row_id)
        if state is not None:
            actions[state.action] += 1
        if state is None or state.action != "remove":
            after[_label(state, label)] += 1
    return Summary(
        before={name: before[name] for name in classes},
        after={name: after[name] for name in classes},
        kept=actions["keep"],
        flagged=actions["flag"],
        removed=actions["remove"],
        relabelled=actions["relabel"],
    )


def _action(states: Mapping[str, RowState], row_id: str) -> str | None:
    state = states.get(row_id)
    return state.action if state else None


def _label(state: RowState | None, label: str) -> str:
    return state.label if state and state.action == "relabel" and state.label is not None else label


def _check_labels(classes: tuple[str, ...], states: Mapping[str, RowState]) -> None:
    for row_id, state in states.items():
        if state.action == "relabel" and state.label not in classes:
            raise InputError(
                f"row {shown_value(row_id)} is relabelled to {shown_value(state.label)}, "
                f"which is no class; the classes are {listing(classes)}"
            )


def _relabelled(split: Split, states: Mapping[str, RowState]) -> pa.Table:
    """The split's table with new labels written in the label column's own type."""
    new = {
        i: state.label
        for i, row_id in enumerate(split.ids)
        if (state := states.get(row_id)) is not None and state.action == "relabel" and state.label is not None
    }
    if not new:
        return split.table
    column = split.info.label
    place = split.table.column_names.index(column)
    field = split.table.schema.field(place)
    codec = LabelCodec.of(split.table.schema, column, "train")
    values = split.table.column(place).to_pylist()
    for i, name in new.items():
        try:
            values[i] = codec.encode(name)
        except ValueError:
            raise InputError(
                f"row {shown_value(split.ids[i])}: column {column!r} ({field.type}) cannot hold "
                f"label {shown_value(name)}"
            ) from None
    table = split.table.set_column(place, field, pa.array(values, field.type))
    return table.replace_schema_metadata(split.table.schema.metadata)


def _patch(split: Split, states: Mapping[str, RowState]) -> pa.Table:
    """One row per decided row, in the order of the split; decided rows of no split come last."""
    labels: dict[str, str | None] = dict(zip(split.ids, split.labels, strict=True))
    decided = [row_id for row_id in split.ids if row_id in states]
    decided += [row_id for row_id in states if row_id not in labels]
    rows = [(row_id, labels.get(row_id), states[row_id]) for row_id in decided]
    cells = [(row_id, s.action, old, s.label, s.reason, s.author, s.at) for row_id, old, s in rows]
    arrays = [pa.array([row[i] for row in cells], pa.string()) for i in range(len(PATCH_COLUMNS))]
    return pa.Table.from_arrays(arrays, names=list(PATCH_COLUMNS))
