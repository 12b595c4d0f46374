"""How much disk a precompute run takes: predicted from the tokens before it starts."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from backend.data.messages import shown_bytes
from backend.errors import InputError
from backend.influence.rowstore.compression import kept_dimensions
from backend.model.token_table import TokenTable

INDEX_DIMENSIONS = 64  # of an index row; larger only where measured recall asks for it
_ROW = 4 + 4 + 4  # token, scale, norm
_PART = 8 + 4  # owner, scale
_EXAMPLE = 8 + 4  # offset, norm
_INDEX_ROW = 8  # id


@dataclass(frozen=True)
class DiskUse:
    """Bytes of one checkpoint's rows, and what its part of the index takes while that is built."""

    rows: int
    index: int

    def times(self, sides: int) -> DiskUse:
        """For rows on several sides."""
        return DiskUse(self.rows * sides, self.index * sides)


def predict(tokens: TokenTable, width: int, vocabulary: int, classes: int, row_store: str) -> DiskUse:
    """What rows of ``width`` numbers (d) will take, from the number of distinct tokens of every example.

    The index is there twice for a moment: as blocks and merged.
    """
    counts = [shard.count_rows() for shard in tokens.shards()]
    rows, positions = sum(each[0] for each in counts), sum(each[1] for each in counts)
    kept = kept_dimensions(row_store) or width
    row = kept * (4 if row_store == "full" else 1)
    example = _EXAMPLE + 4 * classes
    return DiskUse(
        rows=rows * (row + _ROW) + (positions - rows) * (row + _PART) + tokens.count * example,
        index=2 * rows * (min(INDEX_DIMENSIONS, kept) + _INDEX_ROW) + min(rows, vocabulary) * kept * 4,
    )


def require_space(folder: Path, needed: int, row_store: str) -> None:
    """`InputError` unless ``needed`` bytes are free for rows and index."""
    smaller = "" if row_store.startswith("pca") else ", or keep smaller rows (--row-store pca:64)"
    require_free(folder, needed, "rows and index", smaller)


def require_free(folder: Path, needed: int, what: str, instead: str = "") -> None:
    """`InputError` unless ``needed`` bytes are free for ``what``; ``instead`` says what else would do."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{folder}: {shown_bytes(free)} free, but {what} would take about {shown_bytes(needed)}; "
            f"free some space{instead}"
        )
