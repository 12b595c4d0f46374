"""The rows of an SFT data file as they stand there, nested values and all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backend.data.json_records import json_records
from backend.data.messages import shown_name
from backend.data.read_parquet import read_parquet
from backend.data.stream import open_source, size_limit
from backend.errors import InputError

_LINES = (".jsonl", ".ndjson", ".json-lines")


def rows_of_file(path: Path) -> list[dict[str, Any]]:
    """Objects of a JSON or JSONL file (also with .gz), or rows of a Parquet file.

    `InputError` for any other file, an empty one, and for the first line that is no object: rows are counted,
    so none may be left out.
    """
    name = shown_name(str(path))
    kind = path.name.lower().removesuffix(".gz")
    if not path.is_file():
        raise InputError(f"{name}: no such file; give the data that the run was trained on")
    if kind.endswith(".parquet"):
        rows = read_parquet(path, name, size_limit()).table.to_pylist()
    elif kind.endswith((*_LINES, ".json")):
        rows = _objects(path, name, kind.endswith(_LINES))
    else:
        raise InputError(f"{name}: give JSONL, JSON (each also with .gz) or Parquet")
    if not rows:
        raise InputError(f"{name}: holds no rows")
    return rows


def _objects(path: Path, name: str, lines: bool) -> list[dict[str, Any]]:
    with open_source(path, name, size_limit()) as stream:
        unit, found = json_records(stream, name, lines)
        rows = []
        for number, record in found:
            if isinstance(record, ValueError):
                raise InputError(f"{name}, {unit} {number}: {record}")
            rows.append(record)
    return rows
