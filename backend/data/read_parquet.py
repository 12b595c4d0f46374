"""Reading Parquet, with the size cap checked before and while reading."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.messages import first_line
from backend.data.rows import Rows
from backend.data.stream import check_size
from backend.errors import InputError


def read_parquet(path: Path, name: str, limit: int) -> Rows:
    """Read all columns with their types and metadata; `InputError` if damaged or too large."""
    try:
        with pq.ParquetFile(path) as file:
            meta = file.metadata
            check_size(
                name, sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups)), limit
            )
            batches, size = [], 0
            for batch in file.iter_batches():
                size += batch.nbytes
                check_size(name, size, limit)
                batches.append(batch)
            return Rows.of_table(name, pa.Table.from_batches(batches, schema=file.schema_arrow))
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise InputError(f"{name}: not a readable Parquet file ({first_line(error)})") from error


def first_parquet(path: Path, name: str, most: int) -> Rows:
    """The first rows of a file."""
    try:
        with pq.ParquetFile(path) as file:
            batches = list(islice(file.iter_batches(batch_size=most), 1))
            rows = Rows.of_table(name, pa.Table.from_batches(batches, schema=file.schema_arrow))
            return replace(rows, stopped=len(rows) < file.metadata.num_rows)
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise InputError(f"{name}: not a readable Parquet file ({first_line(error)})") from error
