"""Scores on disk: one Parquet table per producer in ``scores/``, with an ``id`` column and one per score."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.columns import ID
from backend.data.dataset import load_split
from backend.errors import InputError
from backend.extensions import how_to_load
from backend.files import digest, existing, file_digest
from backend.folder import ArtifactState, Folder
from backend.keyed_table import key_of, write_keyed
from backend.look import once
from backend.manifest import Artifact, TaskName
from backend.program import COMMAND
from backend.recorded import as_recorded
from backend.scores.registry import all_producers, extension_of
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


SCORES = "scores/"


class NoScores(InputError):
    """No table of scores is current."""


def artifact_name(producer: Producer) -> str:
    """The name under which the manifest records a producer's table."""
    return f"{SCORES}{producer.name}"


def table_path(folder: Folder, producer: Producer) -> Path:
    """Where a producer's table lies."""
    return folder.scores / f"{producer.name}.parquet"


def score_id(folder: Folder, producer: Producer, settings: ScoreSettings) -> str:
    """The id of a producer's table: changes with what it reads, its settings and its list of scores."""
    artifacts = folder.manifest().artifacts
    inputs = {each: artifacts[each].id for each in producer.inputs_of(folder)}
    chosen = {name: getattr(settings, name) for name in producer.uses}
    if "encoder" in producer.uses:
        chosen["encoder"] = settings.encoder_content
    content = producer.content and producer.content(folder, settings)
    names = [each.name for each in producer.scores_for(folder.manifest().task.name)]
    return digest("scores", producer.name, producer.version, names, inputs, chosen, content)


def write_scores(
    folder: Folder, producer: Producer, settings: ScoreSettings, columns: Columns, key: str
) -> None:
    """Write a producer's table and record it under the id that `score_id` gave before it was computed."""
    ids = load_split(folder, "train").table[ID]
    extension = extension_of(producer)
    _check_columns(producer, columns, folder.manifest().task.name, len(ids), extension is not None)
    table = pa.table({"id": ids, **columns})
    write_keyed(table_path(folder, producer), table, key)
    chosen = {name: getattr(settings, name) for name in producer.uses}
    if extension is not None:
        chosen["extension"] = extension  # where to look for the producer when it is not known
    content = file_digest(table_path(folder, producer))
    folder.record(artifact_name(producer), producer.inputs_of(folder), id=key, content=content, **chosen)


def _check_columns(
    producer: Producer, columns: Columns, task: TaskName, rows: int, is_extension: bool
) -> None:
    """`InputError` where a producer did not make what it promised."""
    missing = [each.name for each in producer.scores_for(task) if each.name not in columns]
    if missing:
        raise InputError(f"producer {producer.name}: did not make the column {', '.join(missing)}")
    short = next((name for name, values in columns.items() if len(values) != rows), None)
    if short is not None:
        raise InputError(
            f"producer {producer.name}: column {short} has {len(columns[short]):,} values for {rows:,} "
            "training rows; give one value for each, in their order"
        )
    own = {score.name for score in producer.scores}
    others = [each for each in columns if each not in own and not each.startswith(f"{producer.name}_")]
    if is_extension and others:  # tables stand side by side: two columns of one name would not be told apart
        raise InputError(
            f"producer {producer.name}: column {others[0]} is none of its scores; call it "
            f"{producer.name}_{others[0]}"
        )


def scores_not_loaded(folder: Folder) -> dict[str, str]:
    """Producers of extensions that made a table here and are not known now, and what to do about each."""
    known = all_producers()
    made = {
        name.removeprefix(SCORES): str(each.details["extension"])
        for name, each in folder.manifest().artifacts.items()
        if name.startswith(SCORES) and "extension" in each.details
    }
    return {name: how_to_load(comes_from) for name, comes_from in made.items() if name not in known}


def lines_of_not_loaded(folder: Folder) -> list[str]:
    """A line for each of them."""
    return [
        f"scores of {name}: not shown, since the extension that made them is not loaded; {what_to_do}"
        for name, what_to_do in scores_not_loaded(folder).items()
    ]


def score_state(folder: Folder, producer: Producer, settings: ScoreSettings | None = None) -> ArtifactState:
    """Whether a producer's table is missing, current or stale; with ``settings``, whether it is theirs.

    Without, those that it was made with: decisions, a target file or an encoder may have changed since.
    """
    return once(
        ("score state", folder.path, producer.name, settings), lambda: _state(folder, producer, settings)
    )


def _state(folder: Folder, producer: Producer, settings: ScoreSettings | None) -> ArtifactState:
    name = artifact_name(producer)
    state = folder.state(name)
    if state == "missing":
        return state
    recorded = folder.manifest().artifacts[name]
    made_with = settings or _made_with(recorded.details)
    if state == "current" and made_with and recorded.id != score_id(folder, producer, made_with):
        return "stale"
    return state if _is_whole(folder, producer, recorded) else "missing"


def damaged_tables(folder: Folder) -> list[Path]:
    """Tables that are there, but are not what was recorded of them."""
    known = folder.manifest().artifacts
    recorded = [(each, known.get(artifact_name(each))) for each in all_producers().values()]
    return [
        table_path(folder, each) for each, record in recorded if record and _is_damaged(folder, each, record)
    ]


def _is_whole(folder: Folder, producer: Producer, recorded: Artifact) -> bool:
    path = table_path(folder, producer)
    return key_of(path) == recorded.id and as_recorded(path, recorded.details.get("content"))


def _is_damaged(folder: Folder, producer: Producer, recorded: Artifact) -> bool:
    """A table that is not there has been deleted; one of another key was written and not yet recorded."""
    path = table_path(folder, producer)
    if not path.is_file() or _is_whole(folder, producer, recorded):
        return False
    return key_of(path) in (None, recorded.id)


def _made_with(details: dict[str, Any]) -> ScoreSettings | None:
    """The settings that are recorded; None where a file that they name is gone, so nothing can be said."""
    known = {field.name for field in fields(ScoreSettings)}
    chosen = {name: value for name, value in details.items() if name in known}
    if details.get("target_content") is not None and existing(chosen["target"]) is None:
        return None
    return ScoreSettings(**chosen)


def read_scores(folder: Folder) -> ScoreTable:
    """All current tables side by side; `NoScores` if there is none, `InputError` if one is damaged."""
    for path in damaged_tables(folder):
        raise InputError(f"{path}: damaged; run `{COMMAND} scores {folder.path}` to make it anew")
    states = {each: score_state(folder, all_producers()[each]) for each in all_producers()}
    current = [all_producers()[each] for each, state in states.items() if state == "current"]
    if not current:
        why = (
            "all scores are stale (data, model or decisions changed)"
            if "stale" in states.values()
            else ("no scores yet")
        )
        raise NoScores(f"{folder.path}: {why}; run `{COMMAND} scores {folder.path}`")
    tables = [_read(table_path(folder, each)) for each in current]
    together = tables[0]
    for table in tables[1:]:
        for name in table.column_names:
            if name != "id":
                together = together.append_column(name, table[name])
    return ScoreTable(together.replace_schema_metadata(None))


def read_column(folder: Folder, producer: Producer, name: str) -> pa.ChunkedArray:
    """One column of a producer's table; `InputError` if it is damaged."""
    return _read(table_path(folder, producer), [name])[name]


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: damaged; delete it and run `scores` again") from error
