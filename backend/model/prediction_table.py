"""Predictions on disk: one Parquet table per split and checkpoint."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backend.data import shards
from backend.data.dataset import SplitName
from backend.data.shards import RowBlock, read_shards
from backend.data.targets.registry import space_of
from backend.errors import InputError
from backend.files import replacing
from backend.folder import Folder
from backend.keyed_table import key_of, keyed, read_keyed
from backend.manifest import TaskInfo
from backend.program import COMMAND
from backend.recorded import as_recorded, recorded_files
from backend.tasks.registry import task_named

PROBABILITIES = "probabilities"
_WORST = 0.1  # share of the rows that are looked at as errors where no row is right or wrong


def errors_named(task: TaskInfo) -> str:
    """What `Predictions.wrong` means in a task, of eval rows."""
    known = task_named(task.name)
    if known.view == "text":
        return "the tenth of the eval rows with the largest loss per token"
    if not known.knows_right:
        return "eval rows with the largest errors"
    return "misclassified eval rows" if task.name == "classification" else "eval rows with a wrong target"


def _schema(task: TaskInfo) -> pa.Schema:
    outputs = "values" if task_named(task.name).view in ("number", "text") else PROBABILITIES
    return pa.schema(
        [
            ("id", pa.string()),
            ("label", pa.string()),
            ("predicted", pa.string()),
            ("correct", pa.bool_()),
            ("loss", pa.float64()),
            (outputs, pa.list_(pa.float32())),
        ]
    )


def predictions_path(folder: Folder, split: str, step: int) -> Path:
    """Where the predictions of ``split`` at checkpoint ``step`` lie."""
    return folder.predictions / f"{split}-{step}.parquet"


def write_predictions(
    folder: Folder,
    split: SplitName,
    step: int,
    task: TaskInfo,
    outputs: Iterable[np.ndarray],
    key: str,
) -> None:
    """Write id, label (the target), predicted, correct, loss and outputs (float32, model order) of a split.

    ``outputs`` gives (n, K) for one shard of the split after the other; ``key`` changes whenever the content
    does. Right, wrong and loss are as the task judges (`backend.tasks.task.Judged`).
    """
    schema = keyed(_schema(task), key)
    with (
        replacing(predictions_path(folder, split, step)) as temporary,
        pq.ParquetWriter(temporary, schema, write_page_checksum=True) as writer,
    ):
        for block, values in zip(read_shards(folder, split), outputs, strict=True):
            writer.write_table(_table(block, values, task, schema))


def _table(block: RowBlock, outputs: np.ndarray, task: TaskInfo, schema: pa.Schema) -> pa.Table:
    targets = list(block.examples.targets)
    judged = task_named(task.name).judge(space_of(task), outputs, targets)
    correct = pa.nulls(len(targets), pa.bool_()) if judged.correct is None else pa.array(judged.correct)
    columns = [block.ids, targets, judged.predicted, correct, judged.loss, list(outputs.astype(np.float32))]
    return pa.table(dict(zip(schema.names, columns, strict=True))).cast(schema)


@dataclass(frozen=True)
class Predictions:
    """The predictions of one split at one checkpoint, in row order."""

    table: pa.Table

    @cached_property
    def predicted(self) -> list[str]:
        """What the model says of each row, as a target."""
        return self.table["predicted"].to_pylist()

    @cached_property
    def correct(self) -> np.ndarray:
        """Whether that is the row's label: bool (n). `InputError` where rows are neither right nor wrong."""
        if self.table["correct"].null_count:
            raise InputError("correct: no prediction of this task is right or wrong; look at loss")
        return self.table["correct"].to_numpy()

    @cached_property
    def wrong(self) -> np.ndarray:
        """The model's errors: bool (n). Where no row is right or wrong, the tenth of the largest losses."""
        if not self.table["correct"].null_count:
            return ~self.correct
        found = np.zeros(len(self.loss), dtype=bool)
        found[np.argsort(-self.loss, kind="stable")[: math.ceil(_WORST * len(self.loss))]] = True
        return found

    @cached_property
    def loss(self) -> np.ndarray:
        """The loss of the row's own target: float64 (n)."""
        return self.table["loss"].to_numpy()

    @cached_property
    def outputs(self) -> np.ndarray:
        """What the model gives for each row, such as probabilities: float32 (n, K)."""
        flat = self.table.column(self.table.num_columns - 1).combine_chunks().flatten().to_numpy()
        return flat.reshape(len(self.table), -1)

    @property
    def has_probabilities(self) -> bool:
        """Whether the outputs are probabilities."""
        return PROBABILITIES in self.table.column_names

    @property
    def probabilities(self) -> np.ndarray:
        """The outputs, where they are probabilities. `ValueError` where they are not."""
        if not self.has_probabilities:
            raise ValueError("this task has no probabilities")
        return self.outputs


def has_predictions(folder: Folder, split: SplitName, step: int, key: str) -> bool:
    """Whether the table is there with this key."""
    return key_of(predictions_path(folder, split, step)) == key


def predictions_are_whole(folder: Folder) -> bool:
    """Whether the recorded tables are there as they were written; none is decoded."""
    details = folder.require("predictions", "precompute").details
    known = recorded_files(folder.predictions, details)
    paths = {folder.predictions / name: key for name, key in details.get("keys", {}).items()}
    return all(key_of(path) == key and as_recorded(path, known.get(path)) for path, key in paths.items())


def drop_damaged(folder: Folder) -> None:
    """Delete recorded tables whose content has changed, so that they are made again."""
    recorded = folder.manifest().artifacts.get("predictions")
    for path, mark in recorded_files(folder.predictions, recorded.details if recorded else {}).items():
        if not as_recorded(path, mark):
            path.unlink(missing_ok=True)


def read_predictions(folder: Folder, split: SplitName, step: int) -> Predictions:
    """Read what `write_predictions` wrote; `InputError` if it is damaged, missing or not the recorded one."""
    return Predictions(_read(folder, split, step))


def read_some_predictions(folder: Folder, split: SplitName, step: int, places: np.ndarray) -> Predictions:
    """Those of the rows at ``places``, int64 (k), in this order; reads the shards that these rows are in."""
    numbers, within = np.divmod(places, shards.SHARD_EXAMPLES)
    read, ranks = np.unique(numbers, return_inverse=True)
    table = _read(folder, split, step, read.tolist())  # all but the last of a split are full
    return Predictions(table.take(ranks * shards.SHARD_EXAMPLES + within))


def _read(folder: Folder, split: SplitName, step: int, groups: Sequence[int] | None = None) -> pa.Table:
    details = folder.require("predictions", "precompute").details
    path = predictions_path(folder, split, step)
    key, content = (details.get(each, {}).get(path.name) for each in ("keys", "files"))
    table = None if key is None else read_keyed(path, key, content, groups)
    if table is not None:
        return table
    raise InputError(f"{path}: damaged or missing; run `{COMMAND} precompute {folder.path}`")
