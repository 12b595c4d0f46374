"""A first look at a source: its columns, its first rows, what each column probably is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from backend.data.guess import Guess, guess_columns
from backend.data.python_values import python_values
from backend.data.sources import first_rows, has_splits

ROWS = 20
LONGEST_CELL = 400
MOST_COLUMNS = 200
LONGEST_NAME = 1_000  # of a column: what is longer can't be named on a command line


@dataclass(frozen=True)
class Peek:
    """``rows``: cells as text, cut to `LONGEST_CELL`; ``has_splits``: the source has several splits."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    guess: Guess
    has_splits: bool

    def to_json(self) -> dict[str, Any]:
        """Plain values for a program."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: dict[str, Any]) -> Peek:
        """What `to_json` was made from, read by another process."""
        rows = tuple(tuple(row) for row in content["rows"])
        return cls(tuple(content["columns"]), rows, Guess(**content["guess"]), content["has_splits"])


def peek(source: str) -> Peek:
    """Look at a source without reading all of it; `InputError` if it is no source."""
    rows = first_rows(source, ROWS)
    names = [name for name in rows.table.column_names if len(name) <= LONGEST_NAME][:MOST_COLUMNS]
    cells = [[_cell(each) for each in python_values(name, rows.table.column(name))] for name in names]
    shown = tuple(zip(*cells, strict=True))
    return Peek(tuple(names), shown, guess_columns(rows), has_splits(source))


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
