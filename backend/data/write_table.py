"""Writing a table as CSV, JSON Lines, Parquet or a `datasets` folder, so that reading gives it back."""

import base64
import csv
import json
from collections.abc import Callable, Collection, Iterator
from datetime import date, time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.columns import MASKED
from backend.data.messages import first_line
from backend.data.python_values import python_values
from backend.data.rows import is_json, is_text, parsed
from backend.errors import InputError
from backend.finite import Finite

BATCH = 10_000
# What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(
    table: pa.Table,
    path: Path,
    defuse: bool,
    *,
    keys: Collection[str] = (),
    delimiter: str = ",",
    reversible: bool = False,
) -> int:
    """Write CSV as RFC 4180 has it; returns the number of cells that got a leading apostrophe.

    Null is an empty cell; lists and structs are JSON text. With ``defuse``, text that a spreadsheet
    would run as a formula gets an apostrophe before it, which reading does not take away again; so
    cells of the columns ``keys``, which must match other data, are always written as they are. With
    ``reversible``, text that looks as if it had got its apostrophe gets one too, so that `undefused`
    gives back every cell.
    """
    writers = [_cell_writer(field, defuse and field.name not in keys, reversible) for field in table.schema]
    header = _TextCells(defuse)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow([header(name) for name in table.column_names])
        for batch in table.to_batches(max_chunksize=BATCH):
            columns = [
                map(write, _own_masks(field, python_values(field.name, column)))
                for field, write, column in zip(batch.schema, writers, batch.columns, strict=True)
            ]
            writer.writerows(zip(*columns, strict=True))
    return sum(each.defused for each in (header, *writers) if isinstance(each, _TextCells))


class _TextCells:
    """Writes text cells and counts those that it defuses."""

    def __init__(self, defuse: bool, reversible: bool = False) -> None:
        self._defuse, self._reversible = defuse, reversible
        self.defused = 0

    def __call__(self, value: str | None) -> str:
        if value is None:
            return ""
        begin = value.lstrip("'") if self._reversible else value
        if self._defuse and begin.startswith(FORMULA):
            self.defused += 1
            return f"'{value}"
        return value


def undefused(cell: str) -> str:
    """A cell without the apostrophe that `write_csv` put before it, where it was ``reversible``."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA) else cell


def _cell_writer(field: pa.Field, defuse: bool, reversible: bool) -> Callable[[Any], str]:
    # JSON text begins with a quote, bracket or digit, or with the minus of a number.
    return _TextCells(defuse, reversible) if is_text(field.type) and not is_json(field) else _plain_cell


def _plain_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False, default=jsonable)
    # repr of a float is the shortest text that reads back as the same number.
    return repr(value) if isinstance(value, int | float) else str(jsonable(value))


def write_jsonl(table: pa.Table, path: Path) -> int:
    """Write one JSON object a line; JSON columns become the values that they stand for.

    Returns the number of NaN and infinite numbers: JSON has none, so null is written.
    """
    nulled = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows_of(table):
            try:
                line = _json(row)
            except ValueError:
                finite = Finite()
                line = _json(finite(row))
                nulled += finite.nulled
            file.write(line + "\n")
    return nulled


def _json(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, default=jsonable, allow_nan=False)


def rows_of(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Each row as a dict of Python values; JSON columns are parsed."""
    for batch in table.to_batches(max_chunksize=BATCH):
        columns = [_values(field, column) for field, column in zip(batch.schema, batch.columns, strict=True)]
        for values in zip(*columns, strict=True):
            yield dict(zip(table.column_names, values, strict=True))


def _values(field: pa.Field, column: pa.Array) -> list[Any]:
    values = python_values(field.name, column)
    return parsed(values) if is_json(field) else _own_masks(field, values)


def _own_masks(field: pa.Field, values: list[Any]) -> list[Any]:
    """Values without the nulls that a column with types has for `MASKED` in all other messages."""
    return [_unmasked(value) for value in values] if f"{MASKED}: " in str(field.type) else values


def _unmasked(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key != MASKED or each is not None}
        return {key: _unmasked(each) for key, each in kept.items()}
    return [_unmasked(each) for each in value] if isinstance(value, list) else value


def first_rows(table: pa.Table, limit: int) -> list[dict[str, Any]]:
    """The first rows as `rows_of` gives them, to be looked at: what Python cannot hold is only named."""
    head = table.slice(0, limit).combine_chunks()
    columns = [_shown(field, column) for field, column in zip(head.schema, head.columns, strict=True)]
    return [dict(zip(head.column_names, values, strict=True)) for values in zip(*columns, strict=True)]


def _shown(field: pa.Field, column: pa.ChunkedArray) -> list[Any]:
    try:
        return _values(field, column)
    except InputError:
        return [f"({field.type}: cannot be shown)"] * len(column)


def jsonable(value: Any) -> str:
    """Values that JSON has no form for: bytes as base64, dates in ISO form, all else as text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write Parquet with all Arrow types and metadata."""
    # The "compliant" names of list items would change the column's type.
    pq.write_table(table, path, use_compliant_nested_type=False)


def write_datasets(table: pa.Table, path: Path) -> None:
    """Write a folder that `datasets.load_from_disk` reads; ClassLabel and other features survive."""
    import datasets

    shown = not datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        # Without a shard of its own, a folder of no rows cannot be loaded again.
        datasets.Dataset(table).save_to_disk(str(path), num_shards=1)
    except (ValueError, TypeError, NotImplementedError, pa.ArrowException) as error:
        raise InputError(f"{path.name}: datasets cannot hold these columns ({first_line(error)})") from error
    finally:
        if shown:
            datasets.enable_progress_bars()
