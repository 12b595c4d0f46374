"""Copies of a workspace's rows and model to experiment with: other labels, fewer rows, another model."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.append_rows import columns_of
from backend.data.columns import ID, MASKED, Columns
from backend.data.corrected_table import corrected_table
from backend.data.dataset import Split
from backend.manifest import Manifest
from backend.workspace import Workspace

_OWN = "copied_"
_PARTS = {"train": "train", "eval": "validation"}


def copied(
    workspace: Workspace,
    folder: Path,
    *,
    labels: Sequence[str] | None = None,
    rows: dict[str, np.ndarray] | None = None,
    model: str | None = None,
) -> Workspace:
    """A new, untrained workspace at ``folder`` with the same rows; ids get ``train-`` or ``eval-`` in front.

    Args:
        labels: of all training rows, in the place of theirs. rows: places to take of each split, default all.
        model: in the place of the workspace's.
    """
    own = workspace.manifest.model
    tables = []
    for name in ("train", "eval"):
        split = workspace.split(name)
        given = labels if labels is not None and name == "train" else split.labels
        table = _turns(split, given) if split.info.form else _table(workspace, split, given)
        tables.append(table if rows is None else table.take(rows[name]))
    with tempfile.TemporaryDirectory() as scratch:
        train, evaluation = _written(tables, Path(scratch), bool(workspace.manifest.data.form))
        copy, _ = Workspace.create(
            folder,
            train=train,
            eval=evaluation,
            columns=_columns(workspace.manifest),
            model=model or own.name,
            layers=None if model else own.layers,
            max_length=workspace.manifest.max_length,
        )
    return copy


def _written(tables: Sequence[pa.Table], folder: Path, apart: bool) -> tuple[str, str | None]:
    """The sources of both splits: one file, or ``apart`` one each, where their columns may differ in type."""
    source, other = folder / "rows.parquet", folder / "eval.parquet"
    if not apart:
        pq.write_table(pa.concat_tables(tables), source)
        return str(source), None
    for table, place in zip(tables, (source, other), strict=True):
        pq.write_table(table, place, use_compliant_nested_type=False)
    return str(source), str(other)


def _columns(manifest: Manifest) -> Columns:
    """The columns of a copy's rows; those of language models keep theirs."""
    info = manifest.data
    if info.form:
        group = f"{_OWN}group" if info.group else None
        return replace(columns_of(manifest), id=f"{_OWN}id", group=group)
    return Columns(
        text="text",
        label="label",
        text_b="text_b" if info.text_b else None,
        id="id",
        group="group" if info.group else None,
        split="split",
        task=manifest.task.name,
    )


def _turns(split: Split, targets: Sequence[str]) -> pa.Table:
    """Rows of a language model as they came, with these targets."""
    pairs = enumerate(zip(split.labels, targets, strict=True))
    new = {place: target for place, (given, target) in pairs if target != given}
    table = corrected_table(split, new) if new else split.table
    more = [MASKED] if MASKED in table.column_names and MASKED not in split.original_columns else []
    table = table.select([*split.original_columns, *more])
    columns: dict[str, Sequence[str]] = {
        "id": [f"{split.name}-{row}" for row in split.ids],
        **({"group": split.groups} if split.groups is not None else {}),
    }
    for name, values in columns.items():
        table = table.append_column(f"{_OWN}{name}", pa.array(values, pa.string()))
    return table


def _table(workspace: Workspace, split: Split, labels: Sequence[str]) -> pa.Table:
    """Rows without anything but what a model and its scores need; ids of both splits differ.

    Sets of labels are lists, whatever their form was: names can hold anything there.
    """
    several = workspace.space.edit == "choose many"
    targets = [list(workspace.space.labels_of(each)) for each in labels] if several else list(labels)
    columns = {
        "id": [f"{split.name}-{row}" for row in split.table[ID].to_pylist()],
        **split.examples.columns(),
        "label": pa.array(targets, pa.list_(pa.string()) if several else pa.string()),
        "split": [_PARTS[split.name]] * len(split),
    }
    if split.groups is not None:
        columns["group"] = split.groups
    return pa.table(columns)
