"""Which examples each shard of the row store holds, and ``rows.json``, which says so.

A shard never reaches over a block of rows (`backend.data.shards`), and never holds more gradients than
`SHARD_BYTES`, unless one example alone does: what a run keeps in memory does not grow with its texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from backend.data.shards import locate, shard_ranges
from backend.files import read_marked, write_marked
from backend.influence.gradients.sides import sides_of
from backend.tasks.heads import CAUSAL_LM

SHARD_BYTES = 128 * 2**20  # of gradients in float32, before they are merged and encoded
_SIDES = ("input",)  # what files of classifiers say
_INFO_FILE = "rows.json"


@dataclass(frozen=True)
class RowsInfo:
    """``rows.json``: which shards make up the rows, written when they are complete.

    ``keys`` maps the name of each channel to the keys of its shards; ``starts`` is the first example of each,
    None in files before format 5: a shard a block. ``sides``: of the channels.
    """

    artifact: str
    row_store: str
    keys: dict[str, list[str]]
    starts: list[int] | None = None
    sides: Sequence[str] = _SIDES

    def spans(self, count: int) -> list[range]:
        """The examples of each shard, of ``count``; `ValueError` where they are not in order."""
        if self.starts is None:
            return shard_ranges(count)
        if not self.starts or self.starts[0] != 0 or (np.diff([*self.starts, count]) <= 0).any():
            raise ValueError(f"{_INFO_FILE}: shards out of order; damaged or of other data")
        return spans_from(self.starts, count)

    def shard_keys(self, channel: int | str, count: int) -> list[str]:
        """The keys of the ``count`` shards of a channel; keys that no shard has where it is not known."""
        keys = self.keys.get(str(channel), [])
        return keys if len(keys) == count else [""] * count

    def write(self, rows: Path) -> None:
        """Write it, whole or not at all."""
        write_marked(rows / _INFO_FILE, asdict(self))

    @classmethod
    def read(cls, rows: Path, artifact: str) -> RowsInfo:
        """Read it; `ValueError` if it is damaged, missing, of another artifact or of sides not known here."""
        try:
            info = cls(**read_marked(rows / _INFO_FILE))
        except (OSError, TypeError, ValueError) as error:
            raise ValueError(f"{rows / _INFO_FILE}: damaged or missing") from error
        if info.artifact != artifact:
            raise ValueError(f"{rows / _INFO_FILE}: belongs to other rows")
        if tuple(info.sides) not in (_SIDES, sides_of(CAUSAL_LM)):
            raise ValueError(f"{rows / _INFO_FILE}: made by another version of Firstword")
        return info


def shard_path(rows: Path, channel: int | str, start: int) -> Path:
    """Where the shard of a channel that begins with example ``start`` lies below ``rows/``."""
    block, within = locate(start)
    part = f"-{within:04d}" if within else ""
    return rows / str(channel) / f"shard-{block:06d}{part}.safetensors"


def spans_from(starts: Sequence[int], count: int) -> list[range]:
    """The examples of each shard from the first of each, of ``count``."""
    return [range(start, stop) for start, stop in zip(starts, [*starts[1:], count], strict=True)]


def split_block(block: range, lengths: np.ndarray, width: int) -> list[range]:
    """The shards of a block of examples with so many tokens, int64 (n), and gradients of ``width``
    numbers."""
    sizes = lengths.astype(np.int64) * width * 4
    if sizes.sum() <= SHARD_BYTES:
        return [block]
    starts, held = [block.start], 0
    for example, size in zip(block, sizes.tolist(), strict=True):
        if held and held + size > SHARD_BYTES:
            starts.append(example)
            held = 0
        held += size
    return spans_from(starts, block.stop)
