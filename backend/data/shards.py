"""A split in shards of a fixed number of rows: what is derived from rows is derived and kept shard by
shard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.columns import ID, LABEL
from backend.data.conversation import reading_of
from backend.data.dataset import SplitName, whole_split_path
from backend.data.examples import Examples
from backend.data.messages import first_line
from backend.data.targets.registry import space_of
from backend.errors import InputError
from backend.folder import Folder
from backend.manifest import Manifest

SHARD_EXAMPLES = 1024


@dataclass(frozen=True)
class RowBlock:
    """Consecutive rows of a split."""

    ids: list[str]
    examples: Examples

    def __len__(self) -> int:
        return len(self.ids)


def shard_ranges(count: int) -> list[range]:
    """The positions of the rows that each shard holds."""
    return [range(start, min(start + SHARD_EXAMPLES, count)) for start in range(0, count, SHARD_EXAMPLES)]


def locate(position: int) -> tuple[int, int]:
    """Number of the shard that holds the row at ``position``, and its place there."""
    return divmod(position, SHARD_EXAMPLES)


def read_shards(folder: Folder, name: SplitName) -> Iterator[RowBlock]:
    """The rows of a split, one shard in memory at a time; `InputError` if its file is missing or damaged."""
    manifest = folder.manifest()
    info, path = manifest.data, whole_split_path(folder, manifest, name)
    columns = [ID, LABEL, *info.text_columns]
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            rest = file.schema_arrow.empty_table().select(columns)
            for batch in file.iter_batches(SHARD_EXAMPLES, columns=columns):
                rest = pa.concat_tables([rest, pa.Table.from_batches([batch]).select(columns)])
                while len(rest) >= SHARD_EXAMPLES:
                    yield _block(rest.slice(0, SHARD_EXAMPLES), manifest)
                    rest = rest.slice(SHARD_EXAMPLES)
            if len(rest):
                yield _block(rest, manifest)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise InputError(f"{path}: missing or damaged ({first_line(error)}); create it anew") from error


def target_numbers(folder: Folder, name: SplitName) -> np.ndarray:
    """Every row's target as losses take it: (n, ...), classes int64 (n)."""
    targets = (target for block in read_shards(folder, name) for target in block.examples.targets)
    return space_of(folder.manifest().task).numbers(targets)


def _block(table: pa.Table, manifest: Manifest) -> RowBlock:
    fields = tuple(table.column(name).to_pylist() for name in manifest.data.text_columns)
    ids = table.column(ID).to_pylist()
    return RowBlock(ids, Examples(fields, table.column(LABEL).to_pylist(), reading_of(manifest.task), ids))
