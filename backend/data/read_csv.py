"""Reading CSV and TSV: text cells, turned into numbers only where nothing is lost."""

import csv
import io
import math
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from backend.data.delimiter import LOOKED_AT, find_delimiter, looks_like_data
from backend.data.first_look import stopping_at_damage
from backend.data.messages import shown_value
from backend.data.rejected import Rejected, Rejections
from backend.data.rows import Rows
from backend.data.stream import open_source
from backend.errors import InputError

MAX_CELL = 2**31 - 1
BOM = b"\xef\xbb\xbf"


def read_csv(
    path: Path, name: str, delimiter: str, keep_text: Collection[str], rejections: Rejections, limit: int
) -> Rows:
    """Read a file with a header line; blank lines are not rows, ``delimiter`` is what its name says.

    Columns whose every cell is written exactly as Python writes an int or a float become int64 or
    float64 (empty cells: null), except those in ``keep_text``; "007" and "1.10" stay text.
    Raises `InputError` for a missing header, double names, or an open quote; ragged rows and
    broken encoding go to ``rejections``.
    """
    # The module's default of 128 KiB a cell is too small for documents; this only ever raises it.
    csv.field_size_limit(MAX_CELL)
    with open_source(path, name, limit) as stream:
        delimiter, skipped = find_delimiter(stream, delimiter)
        lines = _Lines(stream, skipped)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        header = _header(reader, lines, name)
        records: list[list[str]] = []
        numbers: list[int] = []
        for number, cells in _records(reader, lines, name, len(header), rejections):
            numbers.append(number)
            records.append(cells)
    cells_of = list(zip(*records, strict=True)) if records else [()] * len(header)
    doubt = looks_like_data(header, [cells[:LOOKED_AT] for cells in cells_of])
    arrays = [
        pa.array(cells, pa.string()) if column in keep_text else typed(cells)
        for column, cells in zip(header, cells_of, strict=True)
    ]
    table = pa.Table.from_arrays(arrays, names=header)
    return Rows(name, table, np.array(numbers, dtype=np.int64), guessed=True, no_header=doubt)


def first_csv(path: Path, name: str, delimiter: str, limit: int, most: int) -> Rows:
    """The first sound rows as they are written, every cell as text."""
    csv.field_size_limit(MAX_CELL)
    with open_source(path, name, limit) as stream:
        delimiter, skipped = find_delimiter(stream, delimiter)
        lines = _Lines(stream, skipped)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        header = _header(reader, lines, name)
        records: list[list[str]] = []
        numbers: list[int] = []
        with stopping_at_damage(records) as look:
            sound = _records(reader, lines, name, len(header), Rejections(skip_broken=True))
            for number, cells in islice(sound, most):
                numbers.append(number)
                records.append(cells)
    columns = list(zip(*records, strict=True)) if records else [()] * len(header)
    doubt = looks_like_data(header, [cells[:LOOKED_AT] for cells in columns])
    table = pa.table({key: pa.array(cells, pa.string()) for key, cells in zip(header, columns, strict=True)})
    stopped = look.damaged or len(records) == most
    places = np.array(numbers, dtype=np.int64)
    return Rows(name, table, places, guessed=True, no_header=doubt, stopped=stopped)


class _Lines:
    """Decoded lines for the csv reader; remembers the first undecodable one since last asked."""

    def __init__(self, stream: io.BufferedReader, skipped: int = 0) -> None:
        self._stream, self._skipped = stream, skipped
        self._damage: str | None = None

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self._stream, start=1 + self._skipped):
            content = line.removeprefix(BOM) if number == 1 else line
            try:
                yield content.decode()
            except UnicodeDecodeError as error:
                byte = error.start + len(line) - len(content) + 1
                self._damage = self._damage or f"line {number}, byte {byte}: not UTF-8"
                yield content.decode(errors="replace")

    def damage(self) -> str | None:
        """What was undecodable in the lines of the last record, if anything."""
        found, self._damage = self._damage, None
        return found


def _header(reader: Any, lines: _Lines, name: str) -> list[str]:
    try:
        header: list[str] = next((cells for cells in reader if cells), [])
    except csv.Error as error:
        raise InputError(f"{name}: the header line is not valid CSV ({error})") from error
    if not header:
        raise InputError(f"{name}: is empty; a header line with column names is needed")
    damage = lines.damage()
    if damage:
        raise InputError(f"{name}: header, {damage}; save the file as UTF-8")
    if len(header) == 1 and (other := next((each for each in ";\t|" if each in header[0]), None)):
        raise InputError(
            f"{name}: one column, {shown_value(header[0])}; it looks separated by {shown_value(other)}, "
            "but not every row is: save it with commas, or with tabs as .tsv"
        )
    for column in header:
        if header.count(column) > 1:
            raise InputError(f"{name}: two columns are named {shown_value(column)}; rename one")
    return header


def _records(
    reader: Any, lines: _Lines, name: str, width: int, rejections: Rejections
) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number, cells) of the sound rows."""
    number = 0
    while True:
        problem = None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # How much an open quote has swallowed cannot be known, so it is never skipped.
            if "unexpected end" in str(error):
                raise InputError(f"{name}, row {number + 1}: a quote is opened and never closed") from error
            cells, problem = [""], f"not valid CSV ({error})"
        damage = lines.damage()
        if not cells:
            continue
        number += 1
        if damage:
            problem = f"{damage}; save the file as UTF-8"
        elif problem is None and len(cells) != width:
            problem = f"has {len(cells)} cells, the header has {width}"
        if problem is None:
            yield number, cells
        else:
            rejections.broken(Rejected(name, number, None, problem))


def typed(cells: Collection[str]) -> pa.Array:
    """CSV cells as int64 or float64 where writing them back gives the same cells, else as text."""
    for parse, kind in ((int, pa.int64()), (_finite, pa.float64())):
        values = _exact(cells, parse)
        if values is not None:
            try:
                return pa.array(values, kind)
            except OverflowError:
                break
    return pa.array(cells, pa.string())


def _exact(cells: Collection[str], parse: Callable[[str], int | float]) -> list[int | float | None] | None:
    values: list[int | float | None] = []
    try:
        for cell in cells:
            value = parse(cell) if cell else None
            if value is not None and repr(value) != cell:
                return None
            values.append(value)
    except ValueError:
        return None
    return values if any(value is not None for value in values) else None


def _finite(cell: str) -> float:
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(cell)
    return value
