"""Parquet tables with a key in their metadata, which changes whenever what determines the content does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from backend.files import replacing
from backend.look import look_again
from backend.recorded import as_recorded

_KEY = b"firstword_key"


def keyed(schema: pa.Schema, key: str) -> pa.Schema:
    """The schema of a table that is written piece by piece under this key."""
    return schema.with_metadata({_KEY: key})


def write_keyed(path: Path, table: pa.Table, key: str) -> None:
    """Write a table whole or not at all."""
    with replacing(path) as temporary:
        pq.write_table(table.replace_schema_metadata({_KEY: key}), temporary, write_page_checksum=True)
    look_again()


def key_of(path: Path) -> str | None:
    """The key of a table; None if the file is damaged or missing. Reads its end only."""
    try:
        return _key(pq.read_schema(path))
    except (OSError, pa.ArrowException):
        return None


def read_keyed(
    path: Path, key: str, content: str | None = None, groups: Sequence[int] | None = None
) -> pa.Table | None:
    """The table, without its key; None if it is damaged, missing, or has another key.

    ``groups``: only these row groups, in this order.
    ``content``: the file's digest, if it was recorded; without it, damage to the table's values is seen, but
    not all to the description at its end.
    """
    if not as_recorded(path, content):
        return None
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read() if groups is None else file.read_row_groups(list(groups))
    except (OSError, pa.ArrowException):
        return None
    return table.replace_schema_metadata(None) if _key(table.schema) == key else None


def _key(schema: pa.Schema) -> str:
    return (schema.metadata or {}).get(_KEY, b"").decode()
