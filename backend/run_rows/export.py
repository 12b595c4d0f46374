"""The table of rows as a file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from backend.data.write_table import write_csv, write_jsonl, write_parquet
from backend.files import replacing


def write_rows(table: pa.Table, out: Path) -> None:
    """Write CSV, JSONL or Parquet by the name's end, whole or not at all; what is not known is null."""
    with replacing(out) as temporary:
        kind = out.suffix.lower()
        if kind == ".csv":
            write_csv(table, temporary, defuse=True, keys=("id",))
        elif kind == ".jsonl":
            write_jsonl(table, temporary)
        else:
            write_parquet(table, temporary)
