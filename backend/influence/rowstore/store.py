"""Rows on disk: per checkpoint, in shards of a fixed number of examples, memory-mapped.

A shard is one safetensors file: ``offsets``, ``tokens``, ``part_rows`` (see `TokenRows`); rows and parts as
``codes`` and ``scales`` (see `RowCodec`); ``row_norms`` and ``norms``, the norms of rows and of an
example's whole gradient before they were encoded; and ``logits``. Its metadata carry a key, which changes
whenever anything that determines the content does, and a digest of the content. An example's rows lie side
by side: scoring it reads a few pages.
"""

from __future__ import annotations

import errno
import json
import mmap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from safetensors.numpy import save_file

from backend.data.shards import locate, shard_ranges
from backend.errors import InputError
from backend.files import allow_many_files, array_digest, read_marked, replacing, write_marked
from backend.influence.gradients.token_rows import TokenRows
from backend.influence.rowstore import kernels
from backend.influence.rowstore.compression import RowCodec, decode

_DTYPES = {"F32": np.float32, "I32": np.int32, "I64": np.int64, "I8": np.int8}
_INFO_FILE = "rows.json"


@dataclass(frozen=True)
class RowsInfo:
    """``rows.json``: which shards make up the rows, written when they are complete.

    ``keys`` maps each checkpoint step to the keys of its shards.
    """

    artifact: str
    row_store: str
    keys: dict[str, list[str]]

    def shard_keys(self, step: int, count: int) -> list[str]:
        """The keys of the ``count`` shards of a checkpoint; keys that no shard has where it is not known."""
        keys = self.keys.get(str(step), [])
        return keys if len(keys) == count else [""] * count

    def write(self, rows: Path) -> None:
        """Write it, whole or not at all."""
        write_marked(rows / _INFO_FILE, asdict(self))

    @classmethod
    def read(cls, rows: Path, artifact: str) -> RowsInfo:
        """Read it; `ValueError` if it is damaged, missing or of another artifact."""
        try:
            info = cls(**read_marked(rows / _INFO_FILE))
        except (OSError, TypeError, ValueError) as error:
            raise ValueError(f"{rows / _INFO_FILE}: damaged or missing") from error
        if info.artifact != artifact:
            raise ValueError(f"{rows / _INFO_FILE}: belongs to other rows")
        return info


def shard_path(rows: Path, step: int, number: int) -> Path:
    """Where shard ``number`` of the checkpoint at ``step`` lies under the workspace's ``rows/``."""
    return rows / str(step) / f"shard-{number:06d}.safetensors"


def example_squares(part: TokenRows, left_out: np.ndarray | None = None) -> np.ndarray:
    """Squared norm of each example's gradient, at all tokens but ``left_out``: float64 (n)."""
    squares = np.einsum("ij,ij->i", part.rows, part.rows, dtype=np.float64)
    if left_out is not None:
        squares[np.isin(part.tokens, left_out)] = 0.0
    return np.bincount(part.owners, squares, minlength=len(part))


def example_norms(part: TokenRows) -> np.ndarray:
    """Norm of each example's whole gradient, float32 (n): the root of its rows' summed squares."""
    return np.sqrt(example_squares(part)).astype(np.float32)


def write_shard(path: Path, part: TokenRows, logits: np.ndarray, codec: RowCodec, key: str) -> None:
    """Write one shard whole or not at all."""
    codes, scales = codec.encode(part.rows)
    part_codes, part_scales = codec.encode(part.parts)
    tensors = {
        "offsets": part.offsets,
        "tokens": part.tokens,
        "codes": codes,
        "scales": scales,
        "row_norms": np.linalg.norm(part.rows, axis=1).astype(np.float32),
        "part_rows": part.part_rows,
        "part_codes": part_codes,
        "part_scales": part_scales,
        "norms": example_norms(part),
        "logits": logits.astype(np.float32),
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary, {"key": key, "content": array_digest(tensors)})


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
        content = self._content = np.memmap(path, np.uint8, "r")
        self.tensors: dict[str, np.ndarray] = {}
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            if start + end > len(content):
                raise ValueError(f"{path}: cut off")
            raw = np.asarray(content[start + begin : start + end])
            self.tensors[name] = raw.view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
        self.offsets = self.tensors["offsets"]
        self.tokens = self.tensors["tokens"]
        self.codes, self.scales = self.tensors["codes"], self.tensors["scales"]
        self.part_rows = self.tensors["part_rows"]
        self.part_codes, self.part_scales = self.tensors["part_codes"], self.tensors["part_scales"]
        self.row_norms, self.norms = self.tensors["row_norms"], self.tensors["norms"]
        self.logits = self.tensors["logits"]
        self._check(path)

    def _check(self, path: Path) -> None:
        """What compiled code relies on; `ValueError` otherwise."""
        rows, parts = len(self.tokens), len(self.part_rows)
        fits = (
            self.offsets[0] == 0
            and self.offsets[-1] == rows
            and (np.diff(self.offsets) >= 0).all()
            and len(self.codes) == len(self.scales) == len(self.row_norms) == rows
            and len(self.part_codes) == len(self.part_scales) == parts
            and len(self.norms) == len(self.logits) == len(self)
        )
        if not fits:
            raise ValueError(f"{path}: its parts do not fit together")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def owners(self) -> np.ndarray:
        """Which example each row belongs to: int64 (m)."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def release(self) -> None:
        """Let go of what was read: it stays in the system's cache, but is no longer this process's memory."""
        mapped = self._content._mmap  # type: ignore[attr-defined]
        mapped.madvise(mmap.MADV_DONTNEED)

    def rows(self, which: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Stored rows as numbers: float32 (m, r)."""
        return decode(self.codes[which], self.scales[which])

    def positions(self, example: int, token: int) -> np.ndarray:
        """The gradient at each position of ``token`` in ``example``: float32 (m, r), in reading order."""
        found, span = find_row(self.offsets, self.tokens, self.part_rows, example, token)
        return split_row(self.rows(found), decode(self.part_codes[span], self.part_scales[span]))

    def intact(self) -> bool:
        """Whether the content is what was written (reads everything)."""
        return array_digest(self.tensors) == self.metadata.get("content")


def find_row(
    offsets: np.ndarray, tokens: np.ndarray, part_rows: np.ndarray, example: int, token: int
) -> tuple[slice, slice]:
    """Where the row of ``token`` in ``example`` lies among the rows, and its parts among the parts.

    Both are empty if the example lacks the token.
    """
    begin, end = int(offsets[example]), int(offsets[example + 1])
    row, after = begin + np.searchsorted(tokens[begin:end], [token, token + 1])
    return slice(row, after), slice(*np.searchsorted(part_rows, [row, after]))


def split_row(row: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """The gradients at a token's positions: ``parts`` (m - 1, r), then what ``row`` (1, r) has beside
    them."""
    return np.concatenate([parts, row - parts.sum(axis=0, keepdims=True)]) if len(row) else row


def usable_shard(path: Path, key: str, examples: int) -> Shard | None:
    """The shard at ``path`` if it is whole and has this key, else None."""
    try:
        shard = Shard(path)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise InputError(f"{path}: too many open files; raise the limit (ulimit -n)") from error
        return None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
    return shard if shard.metadata.get("key") == key and len(shard) == examples else None


class ExampleRows(Protocol):
    """Rows of training examples at one checkpoint, on disk or in memory."""

    def add_terms(
        self, terms: np.ndarray, examples: np.ndarray, slots: np.ndarray, query: np.ndarray
    ) -> None:
        """Add to ``terms[i, t]`` the dot product of example i's and the query's row of query token t.

        ``terms`` float64 (n, T), ``examples`` int64 (n) ascending, ``slots`` int64 (vocabulary), -1 where a
        token has none, ``query`` float32 (T, r).
        """

    def positions(self, example: int, token: int) -> np.ndarray:
        """The gradient at each position of ``token`` in ``example``: float32 (m, r), in reading order."""


class RowStore:
    """All rows of one checkpoint."""

    def __init__(self, rows: Path, step: int, count: int, info: RowsInfo) -> None:
        """Map the shards of ``step``; `ValueError` naming the first that is damaged or missing."""
        self.count = count
        allow_many_files()  # each mapped shard keeps one open
        self.shards: list[Shard] = []
        self._ranges = shard_ranges(count)
        keys = info.shard_keys(step, len(self._ranges))
        for number, (positions, key) in enumerate(zip(self._ranges, keys, strict=True)):
            path = shard_path(rows, step, number)
            shard = usable_shard(path, key, len(positions))
            if shard is None:
                raise ValueError(f"{path}: damaged or missing")
            self.shards.append(shard)

    @property
    def width(self) -> int:
        """r, the numbers in a stored row."""
        return self.shards[0].codes.shape[1]

    def passing(self) -> Iterator[Shard]:
        """All shards for one pass; each is released when the next is asked for."""
        for shard in self.shards:
            yield shard
            shard.release()

    def norms(self) -> np.ndarray:
        """Norm of every example's whole gradient before it was encoded: float32 (n)."""
        return np.concatenate([shard.norms for shard in self.shards])

    def example(self, example: int) -> tuple[np.ndarray, np.ndarray]:
        """The tokens int32 (m) of an example and their rows float32 (m, r)."""
        number, local = locate(example)
        shard = self.shards[number]
        span = slice(shard.offsets[local], shard.offsets[local + 1])
        return shard.tokens[span], shard.rows(span)

    def squares_without(self, tokens: np.ndarray) -> np.ndarray:
        """Squared norm of every example's gradient at all tokens but ``tokens``: float64 (n)."""
        found = []
        for shard in self.passing():
            kept = np.where(np.isin(shard.tokens, tokens), 0.0, shard.row_norms.astype(np.float64) ** 2)
            found.append(np.bincount(shard.owners, kept, minlength=len(shard)))
        return np.concatenate(found)

    def positions(self, example: int, token: int) -> np.ndarray:
        """See `ExampleRows`."""
        number, local = locate(example)
        return self.shards[number].positions(local, token)

    @property
    def numbers(self) -> range:
        """The numbers of the shards."""
        return range(len(self.shards))

    def add_scores(
        self,
        number: int,
        scores: np.ndarray,
        slots: Sequence[np.ndarray],
        queries: Sequence[np.ndarray],
        release: bool = False,
    ) -> None:
        """Add the products of shard ``number``'s examples with each query to ``scores`` float64 (queries, n).

        ``slots`` and ``queries`` as in `add_terms`, one for each query.
        """
        shard, positions = self.shards[number], self._ranges[number]
        for place, (table, query) in enumerate(zip(slots, queries, strict=True)):
            part = scores[place, positions.start : positions.stop]
            kernels.add_scores(shard.codes, shard.scales, shard.tokens, shard.offsets, table, query, part)
        if release:
            shard.release()

    def add_group_sums(
        self,
        number: int,
        sums: np.ndarray,
        slots: np.ndarray,
        ranges: np.ndarray,
        queries: np.ndarray,
        groups: np.ndarray,
    ) -> None:
        """Add shard ``number``'s part of `kernels.add_group_sums` to ``sums`` float64 (n, groups)."""
        shard, positions = self.shards[number], self._ranges[number]
        kernels.add_group_sums(
            shard.codes,
            shard.scales,
            shard.tokens,
            shard.offsets,
            slots,
            ranges,
            queries,
            groups,
            sums[positions.start : positions.stop],
        )

    def add_terms(
        self, terms: np.ndarray, examples: np.ndarray, slots: np.ndarray, query: np.ndarray
    ) -> None:
        """See `ExampleRows`."""
        for shard, local, span in self._by_shard(examples):
            kernels.add_terms(
                shard.codes, shard.scales, shard.tokens, shard.offsets, local, slots, query, terms[span]
            )

    def _by_shard(self, examples: np.ndarray) -> Iterator[tuple[Shard, np.ndarray, slice]]:
        """Shards that hold some of ``examples`` (ascending), their places there, and where they are asked
        for."""
        starts = [positions.start for positions in self._ranges]
        bounds = np.searchsorted(examples, [*starts, self.count])
        for number in np.flatnonzero(np.diff(bounds)):
            span = slice(bounds[number], bounds[number + 1])
            yield self.shards[number], examples[span] - starts[number], span


class TracedRows:
    """Rows of some training examples at one checkpoint in memory (see `ExampleRows`)."""

    def __init__(self, part: TokenRows, examples: Sequence[int]) -> None:
        """``part`` holds the rows of ``examples`` (positions in the training split), in that order."""
        self.part = part
        self._place = {example: place for place, example in enumerate(examples)}

    def add_terms(
        self, terms: np.ndarray, examples: np.ndarray, slots: np.ndarray, query: np.ndarray
    ) -> None:
        """See `ExampleRows`."""
        part, places = self.part, np.array([self._place[each] for each in examples.tolist()], dtype=np.int64)
        scales = np.ones(len(part.rows), dtype=np.float32)
        kernels.add_terms(part.rows, scales, part.tokens, part.offsets, places, slots, query, terms)

    def example(self, example: int) -> tuple[np.ndarray, np.ndarray]:
        """The tokens int32 (m) of an example and their rows float32 (m, d)."""
        place = self._place[example]
        span = slice(self.part.offsets[place], self.part.offsets[place + 1])
        return self.part.tokens[span], self.part.rows[span]

    def positions(self, example: int, token: int) -> np.ndarray:
        """See `ExampleRows`."""
        part = self.part
        found, span = find_row(part.offsets, part.tokens, part.part_rows, self._place[example], token)
        return split_row(part.rows[found], part.parts[span])
