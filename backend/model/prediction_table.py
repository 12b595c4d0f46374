"""Predictions on disk: one Parquet table per split and checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.dataset import Split
from backend.errors import InputError
from backend.files import replacing
from backend.folder import Folder

_ARTIFACT = b"firstword_artifact"


def predictions_path(folder: Folder, split: str, step: int) -> Path:
    """Where the predictions of ``split`` at checkpoint ``step`` lie."""
    return folder.predictions / f"{split}-{step}.parquet"


def write_predictions(
    folder: Folder, step: int, split: Split, classes: Sequence[str], probabilities: np.ndarray, artifact: str
) -> None:
    """Write id, label, predicted, correct, loss and probabilities (float32, class order) of a split.

    ``probabilities`` (n, K); ``artifact`` is the id of the predictions that this table belongs to.
    The loss is the cross-entropy of the row's own label, in nats.
    """
    number = {name: index for index, name in enumerate(classes)}
    label = np.array([number[name] for name in split.labels], dtype=np.int64)
    predicted = probabilities.argmax(axis=1)
    own = probabilities[np.arange(len(label)), label].astype(np.float64)
    table = pa.table(
        {
            "id": split.ids,
            "label": split.labels,
            "predicted": [classes[each] for each in predicted],
            "correct": predicted == label,
            "loss": -np.log(np.maximum(own, 1e-30)),
            "probabilities": list(probabilities.astype(np.float32)),
        }
    )
    with replacing(predictions_path(folder, split.name, step)) as temporary:
        pq.write_table(table.replace_schema_metadata({_ARTIFACT: artifact}), temporary)


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


def read_predictions(folder: Folder, split: str, step: int) -> Predictions:
    """Read what `write_predictions` wrote; `InputError` if it is damaged, missing or of another artifact."""
    artifact = folder.require("predictions", "precompute").id
    path = predictions_path(folder, split, step)
    try:
        table = pq.read_table(path)
        if (table.schema.metadata or {}).get(_ARTIFACT, b"").decode() == artifact:
            return Predictions(table)
    except (OSError, pa.ArrowException):
        pass
    raise InputError(f"{path}: damaged or missing; run `python -m backend precompute {folder.path}`")
