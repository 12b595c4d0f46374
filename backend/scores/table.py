"""Scores on disk: one Parquet table per producer in ``scores/``, with an ``id`` column and one per score."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.columns import ID
from backend.data.dataset import split_path
from backend.errors import InputError
from backend.files import digest
from backend.folder import ArtifactState, Folder
from backend.keyed_table import key_of, write_keyed
from backend.scores.registry import all_producers
from backend.scores.score import Columns, Producer
from backend.scores.settings import ScoreSettings


@dataclass(frozen=True)
class ScoreTable:
    """All current scores side by side, in the order of the training rows; columns as producers name them."""

    table: pa.Table

    @cached_property
    def ids(self) -> list[str]:
        """Ids of the training rows."""
        return self.table["id"].to_pylist()

    @property
    def names(self) -> list[str]:
        """The columns beside the id."""
        return [each for each in self.table.column_names if each != "id"]

    def values(self, name: str) -> np.ndarray:
        """A numeric column: float64 (n), NaN where there is no value."""
        return self.table[name].cast(pa.float64()).to_numpy(zero_copy_only=False)


def artifact_name(producer: Producer) -> str:
    """The name under which the manifest records a producer's table."""
    return f"scores/{producer.name}"


def table_path(folder: Folder, producer: Producer) -> Path:
    """Where a producer's table lies."""
    return folder.scores / f"{producer.name}.parquet"


def score_id(folder: Folder, producer: Producer, settings: ScoreSettings) -> str:
    """The id of a producer's table: changes with what it reads, its settings and its list of scores."""
    artifacts = folder.manifest().artifacts
    inputs = {each: artifacts[each].id for each in producer.inputs_of(folder)}
    chosen = {name: getattr(settings, name) for name in producer.uses}
    content = producer.content and producer.content(folder, settings)
    return digest("scores", producer.name, [each.name for each in producer.scores], inputs, chosen, content)


def write_scores(folder: Folder, producer: Producer, settings: ScoreSettings, columns: Columns) -> None:
    """Write a producer's table and record it."""
    key = score_id(folder, producer, settings)
    ids = pq.read_table(split_path(folder, "train"), columns=[ID])[ID]
    table = pa.table({"id": ids, **columns})
    missing = [each.name for each in producer.scores if each.name not in columns]
    if missing:
        raise RuntimeError(f"producer {producer.name} did not make {', '.join(missing)}")
    write_keyed(table_path(folder, producer), table, key)
    chosen = {name: getattr(settings, name) for name in producer.uses}
    folder.record(artifact_name(producer), producer.inputs_of(folder), id=key, **chosen)


def score_state(folder: Folder, producer: Producer, settings: ScoreSettings | None = None) -> ArtifactState:
    """Whether a producer's table is missing, current or stale; with ``settings``, whether it is theirs."""
    name = artifact_name(producer)
    state = folder.state(name)
    if state == "missing":
        return state
    recorded = folder.manifest().artifacts[name]
    if state == "current" and settings is not None and recorded.id != score_id(folder, producer, settings):
        return "stale"
    return state if key_of(table_path(folder, producer)) == recorded.id else "missing"


def read_scores(folder: Folder) -> ScoreTable:
    """All current tables side by side; `InputError` if there is none."""
    current = [each for each in all_producers().values() if score_state(folder, each) == "current"]
    if not current:
        raise InputError(f"{folder.path}: no scores yet; run `python -m backend scores {folder.path}`")
    tables = [_read(table_path(folder, each)) for each in current]
    together = tables[0]
    for table in tables[1:]:
        for name in table.column_names:
            if name != "id":
                together = together.append_column(name, table[name])
    return ScoreTable(together.replace_schema_metadata(None))


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: damaged; delete it and run `scores` again") from error
