"""Rows on disk: per checkpoint, in shards of a fixed number of examples, memory-mapped.

A shard is one safetensors file: ``offsets``, ``tokens``, ``rows``, ``part_rows`` and ``parts`` (see
`TokenRows`), ``norms`` (norm of an example's whole gradient) and ``logits``. Its metadata carry the id of the
artifact that it belongs to and a digest of its content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from backend.files import replacing
from backend.influence.gradients import TokenRows, expand_ranges

SHARD_EXAMPLES = 1024
_BLOCK_ROWS = 65_536  # 100 MB of rows at d = 384: bounds the memory of a scan
_DTYPES = {"F32": np.float32, "I32": np.int32, "I64": np.int64}


def shard_path(rows: Path, step: int, number: int) -> Path:
    """Where shard ``number`` of the checkpoint at ``step`` lies under the workspace's ``rows/``."""
    return rows / str(step) / f"shard-{number:06d}.safetensors"


def shard_ranges(count: int) -> list[range]:
    """The positions of the training examples that each shard holds."""
    return [range(start, min(start + SHARD_EXAMPLES, count)) for start in range(0, count, SHARD_EXAMPLES)]


def example_norms(part: TokenRows) -> np.ndarray:
    """Norm of each example's whole gradient, float32 (n): the root of its rows' summed squares."""
    squares = np.einsum("ij,ij->i", part.rows, part.rows, dtype=np.float64)
    total = np.concatenate([[0.0], np.cumsum(squares)])
    return np.sqrt(np.maximum(total[part.offsets[1:]] - total[part.offsets[:-1]], 0.0)).astype(np.float32)


def write_shard(path: Path, part: TokenRows, logits: np.ndarray, artifact: str) -> None:
    """Write one shard whole or not at all."""
    tensors = {
        "offsets": part.offsets,
        "tokens": part.tokens,
        "rows": part.rows,
        "part_rows": part.part_rows,
        "parts": part.parts,
        "norms": example_norms(part),
        "logits": logits.astype(np.float32),
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary, {"artifact": artifact, "content": _content_digest(tensors)})


def _content_digest(tensors: dict[str, np.ndarray]) -> str:
    state = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        state.update(name.encode())
        state.update(np.ascontiguousarray(tensors[name]).view(np.uint8).data)
    return state.hexdigest()


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The JSON header of a safetensors file and the position of its first tensor byte."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= 1_000_000:
            raise ValueError(f"{path}: not a shard")
        return json.loads(file.read(length)), 8 + length


class Shard:
    """One shard, its tensors memory-mapped read-only."""

    def __init__(self, path: Path) -> None:
        """Open ``path``; `ValueError` or `OSError` if it is not a whole shard."""
        header, start = _read_header(path)
        self.metadata: dict[str, str] = header.pop("__metadata__")
        size = path.stat().st_size
        self.tensors: dict[str, np.ndarray] = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            if start + end > size:
                raise ValueError(f"{path}: cut off")
            self.tensors[name] = (
                np.memmap(path, _DTYPES[entry["dtype"]], "r", start + begin, tuple(entry["shape"]))
                if end > begin
                else np.empty(entry["shape"], _DTYPES[entry["dtype"]])
            )
        self.offsets = np.asarray(self.tensors["offsets"])
        self.tokens = np.asarray(self.tensors["tokens"])
        self.rows = self.tensors["rows"]
        self.part_rows = np.asarray(self.tensors["part_rows"])
        self.parts = self.tensors["parts"]
        self.norms = self.tensors["norms"]
        self.logits = self.tensors["logits"]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def positions(self, example: int, token: int) -> np.ndarray:
        """The gradient at each position of ``token`` in ``example`` (both must match): float32 (m, d)."""
        begin, end = self.offsets[example], self.offsets[example + 1]
        row = int(begin + np.searchsorted(self.tokens[begin:end], token))
        low, high = np.searchsorted(self.part_rows, [row, row + 1])
        parts = np.asarray(self.parts[low:high])
        return np.concatenate([parts, self.rows[row][None] - parts.sum(axis=0, keepdims=True)])

    def intact(self) -> bool:
        """Whether the content is what was written (reads everything)."""
        return _content_digest(self.tensors) == self.metadata.get("content")


def usable_shard(path: Path, artifact: str, examples: int) -> Shard | None:
    """The shard at ``path`` if it is whole and belongs to ``artifact``, else None."""
    try:
        shard = Shard(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return shard if shard.metadata.get("artifact") == artifact and len(shard) == examples else None


@dataclass(frozen=True)
class Matches:
    """Rows that share a token with a query: ``example`` (position among those asked for),
    ``slot`` (which query token), both int64 (m); ``rows`` float32 (m, d)."""

    example: np.ndarray
    slot: np.ndarray
    rows: np.ndarray


class RowStore:
    """All rows of one checkpoint."""

    def __init__(self, rows: Path, step: int, count: int, artifact: str) -> None:
        """Map the shards of ``step``; `ValueError` naming the first that is damaged or missing."""
        self.count = count
        self.shards: list[Shard] = []
        for number, positions in enumerate(shard_ranges(count)):
            path = shard_path(rows, step, number)
            shard = usable_shard(path, artifact, len(positions))
            if shard is None:
                raise ValueError(f"{path}: damaged or missing")
            self.shards.append(shard)

    @property
    def width(self) -> int:
        """d, the size of an embedding."""
        return self.shards[0].rows.shape[1]

    def positions(self, example: int, token: int) -> np.ndarray:
        """The gradient at each position of ``token`` in training example ``example``: float32 (m, d)."""
        number, local = divmod(example, SHARD_EXAMPLES)
        return self.shards[number].positions(local, token)

    def logits(self) -> np.ndarray:
        """Logits of all training examples at this checkpoint, float32 (n, K)."""
        return np.concatenate([shard.logits for shard in self.shards])

    def matches(self, examples: np.ndarray, slots: np.ndarray) -> Matches:
        """The rows of ``examples`` whose token has a slot (meant for few examples: all are copied).

        ``examples`` int64 (n), ascending; ``slots`` int64 (vocabulary), -1 where a token has none.
        """
        found = list(self._blocks(examples, slots))
        if not found:
            return Matches(
                np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, self.width), np.float32)
            )
        return Matches(
            np.concatenate([m.example for m in found]),
            np.concatenate([m.slot for m in found]),
            np.concatenate([m.rows for m in found]),
        )

    def add_scores(
        self, scores: np.ndarray, examples: np.ndarray, slots: np.ndarray, query: np.ndarray
    ) -> None:
        """As `add_terms`, summed over the query's tokens: ``scores`` float64 (n)."""
        for block in self._blocks(examples, slots):
            products = np.einsum("ij,ij->i", block.rows, query[block.slot])
            np.add.at(scores, block.example, products)

    def add_terms(
        self, terms: np.ndarray, examples: np.ndarray, slots: np.ndarray, query: np.ndarray
    ) -> None:
        """Add to ``terms[i, t]`` the dot product of example i's and the query's row of query token t.

        ``terms`` float64 (n, T), ``examples`` int64 (n) ascending, ``slots`` as in `matches`,
        ``query`` float32 (T, d).
        """
        for block in self._blocks(examples, slots):
            terms[block.example, block.slot] += np.einsum("ij,ij->i", block.rows, query[block.slot])

    def _blocks(self, examples: np.ndarray, slots: np.ndarray) -> Iterator[Matches]:
        for number, shard in enumerate(self.shards):
            first = number * SHARD_EXAMPLES
            low, high = np.searchsorted(examples, [first, first + len(shard)])
            if low == high:
                continue
            local = examples[low:high] - first
            lengths = shard.offsets[local + 1] - shard.offsets[local]
            row = expand_ranges(shard.offsets[local], lengths)
            slot = slots[shard.tokens[row]]
            hit = slot >= 0
            row, slot, owner = row[hit], slot[hit], np.repeat(np.arange(low, high), lengths)[hit]
            for begin in range(0, len(row), _BLOCK_ROWS):
                part = slice(begin, begin + _BLOCK_ROWS)
                yield Matches(owner[part], slot[part], np.asarray(shard.rows[row[part]]))
