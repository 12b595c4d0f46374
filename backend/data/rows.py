"""A table as it was read: original columns, and where each row came from."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from backend.data.columns import PREFIX
from backend.data.conversations import for_language_models
from backend.data.messages import listing
from backend.data.python_values import python_values
from backend.data.rejected import Rejected
from backend.errors import InputError

# Marks a text column whose cells are JSON: values of mixed type, which Arrow cannot hold.
JSON_FIELD = {b"firstword": b"json"}


@dataclass(frozen=True)
class Rows:
    """``table`` has one row per entry of ``numbers`` (int64: 1-based row or line in ``file``).

    ``guessed``: the format knows no types, so those of the columns follow from how the cells are written.
    ``no_header``: why the names of the columns are probably a row of data. ``derived``: the columns that were
    made from nested ones (see `backend.data.nested`). ``stopped``: a first look ended before the file does.
    """

    file: str
    table: pa.Table
    numbers: np.ndarray
    unit: str = "row"
    guessed: bool = False
    no_header: str | None = None
    derived: tuple[str, ...] = ()
    stopped: bool = False

    @classmethod
    def of_table(cls, file: str, table: pa.Table) -> Rows:
        """Rows numbered 1, 2, 3 ... as in a Parquet file or a `datasets` folder."""
        return cls(file, table, np.arange(1, table.num_rows + 1, dtype=np.int64))

    def __len__(self) -> int:
        return self.table.num_rows

    def where(self, mask: np.ndarray) -> Rows:
        """The rows where ``mask`` (bool, one per row) is true, in the same order."""
        if mask.all():
            return self
        return replace(self, table=self.table.filter(pa.array(mask)), numbers=self.numbers[mask])

    def require(self, names: tuple[str, ...]) -> None:
        """`InputError` unless all ``names`` are columns and no column name is ours or double."""
        there = self.table.column_names
        for name in there:
            if name.startswith(PREFIX):
                raise InputError(f"{self.file}: column {name!r} begins with {PREFIX}, kept for us; rename it")
            if "\0" in name:  # Arrow cuts names there
                raise InputError(f"{self.file}: column {name!r} has a NUL in its name; rename it")
            if there.count(name) > 1:
                raise InputError(f"{self.file}: two columns are named {name!r}; rename one")
        for name in names:
            if name not in there:
                raise InputError(
                    f"{self.file}: no column {name!r}; the columns there are {listing(there)}{self._hint()}"
                )

    def _hint(self) -> str:
        """What may be behind a column that is not there."""
        if self.no_header:
            return f"; the first line looks like data: no header? ({self.no_header})"
        if said := for_language_models({name: self.head(name) for name in self.table.column_names}):
            return f"; {said}"
        if any(is_json(field) or pa.types.is_nested(field.type) for field in self.table.schema):
            return "; what lies inside a column is named with dots: `peek` lists it"
        return ""

    def field(self, column: str) -> pa.Field:
        """Name, type and metadata of a column."""
        return self.table.schema.field(column)

    def values(self, column: str) -> list[Any]:
        """A column as Python values; JSON columns are parsed."""
        values = python_values(column, self.table.column(column))
        return parsed(values) if is_json(self.field(column)) else values

    def head(self, column: str, count: int = 20) -> list[Any]:
        """`values` of the first rows."""
        return replace(self, table=self.table.slice(0, count)).values(column)

    def place(self, position: int, column: str | None = None) -> str:
        """Where the row at ``position`` stands, for messages."""
        return f"{self.file}, {self.unit} {self.numbers[position]}" + (
            f", column {column!r}" if column else ""
        )

    def rejected(self, position: int, column: str | None, reason: str) -> Rejected:
        """A rejection of the row at ``position``."""
        return Rejected(self.file, int(self.numbers[position]), column, reason, self.unit)


def is_json(field: pa.Field) -> bool:
    """Whether a column holds JSON text that stands for other values."""
    return (field.metadata or {}).get(b"firstword") == b"json"


def parsed(values: list[Any]) -> list[Any]:
    """The values that JSON texts stand for (None stays None)."""
    return [None if value is None else json.loads(value) for value in values]


def is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow type is text, plain or dictionary-encoded."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
