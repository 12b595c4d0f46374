"""Copies of a workspace's rows and model to experiment with: other labels, fewer rows, another model."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.columns import ID, Columns
from backend.data.dataset import Split
from backend.workspace import Workspace

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
    info, own = workspace.manifest.data, workspace.manifest.model
    tables = []
    for name in ("train", "eval"):
        split = workspace.split(name)
        table = _table(workspace, split, labels if labels is not None and name == "train" else split.labels)
        tables.append(table if rows is None else table.take(rows[name]))
    columns = Columns(
        text="text",
        label="label",
        text_b="text_b" if info.text_b else None,
        id="id",
        group="group" if info.group else None,
        split="split",
        task=workspace.manifest.task.name,
    )
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "rows.parquet"
        pq.write_table(pa.concat_tables(tables), source)
        copy, _ = Workspace.create(
            folder,
            train=str(source),
            eval=None,
            columns=columns,
            model=model or own.name,
            layers=None if model else own.layers,
            max_length=workspace.manifest.max_length,
        )
    return copy


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
