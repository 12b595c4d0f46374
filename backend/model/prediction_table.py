"""Predictions on disk: one Parquet table per split and checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backend.data import shards
from backend.data.dataset import SplitName
from backend.data.labels import class_places
from backend.data.shards import RowBlock, read_shards
from backend.errors import InputError
from backend.files import replacing
from backend.folder import Folder
from backend.keyed_table import key_of, keyed, read_keyed
from backend.recorded import as_recorded, recorded_files

_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("label", pa.string()),
        ("predicted", pa.string()),
        ("correct", pa.bool_()),
        ("loss", pa.float64()),
        ("probabilities", pa.list_(pa.float32())),
    ]
)


def predictions_path(folder: Folder, split: str, step: int) -> Path:
    """Where the predictions of ``split`` at checkpoint ``step`` lie."""
    return folder.predictions / f"{split}-{step}.parquet"


def write_predictions(
    folder: Folder,
    split: SplitName,
    step: int,
    classes: Sequence[str],
    probabilities: Iterable[np.ndarray],
    key: str,
) -> None:
    """Write id, label, predicted, correct, loss and probabilities (float32, class order) of a split.

    ``probabilities`` gives (n, K) for one shard of the split after the other; ``key`` changes whenever the
    content does. The loss is the cross-entropy of the row's own label, in nats.
    """
    schema = keyed(_SCHEMA, key)
    with (
        replacing(predictions_path(folder, split, step)) as temporary,
        pq.ParquetWriter(temporary, schema, write_page_checksum=True) as writer,
    ):
        for block, values in zip(read_shards(folder, split), probabilities, strict=True):
            writer.write_table(_table(block, values, classes).cast(schema))


def _table(block: RowBlock, probabilities: np.ndarray, classes: Sequence[str]) -> pa.Table:
    label = class_places(block.examples.targets, classes)
    predicted = probabilities.argmax(axis=1)
    own = probabilities[np.arange(len(label)), label].astype(np.float64)
    return pa.table(
        {
            "id": block.ids,
            "label": block.examples.targets,
            "predicted": [classes[each] for each in predicted],
            "correct": predicted == label,
            "loss": -np.log(np.maximum(own, 1e-30)),
            "probabilities": list(probabilities.astype(np.float32)),
        }
    )


@dataclass(frozen=True)
class Predictions:
    """The predictions of one split at one checkpoint, in row order."""

    table: pa.Table

    @cached_property
    def predicted(self) -> list[str]:
        """The most probable class of each row."""
        return self.table["predicted"].to_pylist()

    @cached_property
    def correct(self) -> np.ndarray:
        """Whether that is the row's label: bool (n)."""
        return self.table["correct"].to_numpy()

    @cached_property
    def loss(self) -> np.ndarray:
        """Cross-entropy of the row's label: float64 (n)."""
        return self.table["loss"].to_numpy()

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Class probabilities: float32 (n, K)."""
        flat = self.table["probabilities"].combine_chunks().flatten().to_numpy()
        return flat.reshape(len(self.table), -1)


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
    raise InputError(f"{path}: damaged or missing; run `python -m backend precompute {folder.path}`")
