"""The rows of one split of a workspace."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.columns import ID, LABEL, TEXT
from backend.data.conversation import reading_of
from backend.data.examples import Examples
from backend.data.messages import first_line, shown_value
from backend.data.python_values import python_values
from backend.data.readable import readable
from backend.data.rows import is_json, parsed
from backend.data.targets.registry import space_of
from backend.data.validate import as_text
from backend.errors import InputError
from backend.folder import Folder
from backend.manifest import DataInfo, Manifest, SplitName, TaskInfo
from backend.recorded import as_recorded


class Split:
    """One split: ``table`` holds the original columns and `ID` and `LABEL`; lists are made when asked for."""

    def __init__(
        self, name: SplitName, table: pa.Table, info: DataInfo, task: TaskInfo | None = None
    ) -> None:
        """``task``: what is learnt; classes, if not given."""
        self.name = name
        self.table = table
        self.info = info
        self.task = task or TaskInfo()

    def __len__(self) -> int:
        return self.table.num_rows

    @cached_property
    def ids(self) -> list[str]:
        """The id of each row, unique within the split."""
        return self.table.column(ID).to_pylist()

    @cached_property
    def examples(self) -> Examples:
        """All rows as the model takes them; their targets are the class names."""
        fields = tuple(self.table.column(name).to_pylist() for name in self.info.text_columns)
        reading = reading_of(self.task)
        named = () if reading is None else self.ids  # only a chat template refuses a row by itself
        return Examples(fields, self.labels, reading, named)

    def take(self, places: Iterable[int] | np.ndarray) -> Examples:
        """The rows at 0-based places, in that order."""
        return self.examples.take(places)

    @property
    def texts(self) -> Sequence[str]:
        """The first field of each row."""
        return self.examples.fields[0]

    @cached_property
    def text_columns(self) -> list[pa.ChunkedArray]:
        """The fields as people read them, in reading order; of language models all that is said in a row."""
        if self.examples.reading is not None:
            return [pa.chunked_array([readable(self.examples).fields[0]], pa.string())]
        return [self.table.column(name).cast(pa.string()) for name in self.info.text_columns]

    def texts_of(self, position: int) -> tuple[str, ...]:
        """The fields of the row at a 0-based place."""
        return self.examples.row(position)

    @cached_property
    def labels(self) -> list[str]:
        """The class name of each row."""
        return self.table.column(LABEL).to_pylist()

    @cached_property
    def strata(self) -> np.ndarray:
        """A number for what rows of a kind have in common: int64 (n).

        Their label, numbered as labels appear; for other tasks the stratum of their target.
        """
        if self.task.name != "classification":
            return space_of(self.task).strata(self.labels)
        encoded = pa.array(self.labels, pa.large_string()).dictionary_encode()
        return encoded.indices.to_numpy().astype(np.int64)

    @cached_property
    def groups(self) -> list[str] | None:
        """The group of each row as text ("" for none), None if no group column was named."""
        return self._as_texts(self.info.group)

    @cached_property
    def annotators(self) -> list[str] | None:
        """Who labelled each row, as text ("" for nobody), None if no annotator column was named."""
        return self._as_texts(self.info.annotator)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {row_id: position for position, row_id in enumerate(self.ids)}

    def has(self, row_id: str) -> bool:
        """Whether a row of that id is in this split."""
        return row_id in self._positions

    def position(self, row_id: str) -> int:
        """The 0-based place of a row; `InputError` if it is not in this split."""
        try:
            return self._positions[row_id]
        except KeyError:
            raise InputError(f"row {shown_value(row_id)} is not in {self.name}") from None

    def row(self, position: int) -> dict[str, Any]:
        """The original columns of the row at a 0-based place."""
        if not 0 <= position < len(self):
            raise InputError(f"{self.name} has {len(self)} rows; there is none at place {position}")
        one = self.table.slice(position, 1)
        return {name: self._values(name, one)[0] for name in self.original_columns}

    @property
    def original_columns(self) -> list[str]:
        """Column names of the source, in order."""
        own = (ID, LABEL, TEXT, *self.info.derived)
        return [name for name in self.table.column_names if name not in own]

    def _as_texts(self, column: str | None) -> list[str] | None:
        return None if column is None else [as_text(each) for each in self._values(column)]

    def _values(self, column: str, table: pa.Table | None = None) -> list[Any]:
        table = self.table if table is None else table
        values = python_values(column, table.column(column))
        return parsed(values) if is_json(table.schema.field(column)) else values


def whole_split_path(folder: Folder, manifest: Manifest, name: SplitName) -> Path:
    """Where the rows of a split lie; `InputError` if the file there is not the one that was recorded.

    A workspace of an earlier Firstword may have none recorded.
    """
    path = folder.data / manifest.data.file(name)
    data = manifest.artifacts.get("data")
    known = data.details.get("files", {}).get(path.name) if data else None
    if not as_recorded(path, known) and path.is_file():
        raise InputError(
            f"{path}: missing or damaged (not what was imported); restore it from a backup, or create the "
            "workspace anew"
        )
    return path


def split_path(folder: Folder, name: SplitName) -> Path:
    """Where the rows of a split lie: the file that the manifest names."""
    return folder.data / folder.manifest().data.file(name)


def load_split(folder: Folder, name: SplitName) -> Split:
    """Read a split; `InputError` if its file is missing or damaged."""
    manifest = folder.manifest()
    info, path = manifest.data, whole_split_path(folder, manifest, name)
    try:
        table = pq.read_table(path, memory_map=True)
    except (OSError, pa.ArrowException) as error:
        if folder.manifest().data.file(name) != info.file(name):  # rows were appended at this moment
            return load_split(folder, name)
        raise InputError(f"{path}: missing or damaged ({first_line(error)}); create it anew") from error
    if not {ID, LABEL, info.text, *info.text_columns, *info.target_columns} <= set(table.column_names):
        raise InputError(f"{path}: lacks columns that workspace.json names; create the workspace anew")
    return Split(name, table, info, manifest.task)
