"""One shard of the row store: a file, memory-mapped.

A safetensors file: ``offsets``, ``tokens``, ``part_rows`` (see `TokenRows`); rows and parts as ``codes`` and
``scales`` (see `RowCodec`); ``row_norms`` and ``norms``, the norms of rows and of an example's whole gradient
before they were encoded; and outputs by name (see `backend.influence.rowstore.outputs`). Its metadata carry a
key, which changes whenever anything that determines the content does, and a digest of the content. An
example's rows lie side by side: scoring it reads a few pages.
"""

from __future__ import annotations

import errno
import json
import mmap
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from backend.errors import InputError
from backend.files import array_digest, replacing
from backend.influence.gradients.token_rows import TokenRows, example_norms
from backend.influence.rowstore.compression import RowCodec, decode
from backend.influence.rowstore.outputs import Outputs, cut, packed, unpacked

_DTYPES = {
    **{"F32": np.float32, "F64": np.float64, "F16": np.float16, "BOOL": np.bool_},
    **{"I64": np.int64, "I32": np.int32, "I8": np.int8, "U8": np.uint8},
}
_OF_ROWS = ("tokens", "codes", "scales", "row_norms")
_OF_PARTS = ("part_codes", "part_scales")


def write_shard(path: Path, part: TokenRows, outputs: Outputs, codec: RowCodec, key: str) -> None:
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
        **packed(outputs),
    }
    write_tensors(path, tensors, key)


def write_tensors(path: Path, tensors: dict[str, np.ndarray], key: str) -> None:
    """Write a shard's tensors, whole or not at all."""
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
        self.outputs = unpacked(self.tensors, len(self))
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
            and len(self.norms) == len(self)
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

    def piece(self, examples: range) -> dict[str, np.ndarray]:
        """The tensors of a shard of some of these examples, by their places here: the rows as they are."""
        low, high = (int(each) for each in self.offsets[[examples.start, examples.stop]])
        first, last = np.searchsorted(self.part_rows, [low, high])
        return {
            "offsets": self.offsets[examples.start : examples.stop + 1] - low,
            "part_rows": self.part_rows[first:last] - low,
            "norms": self.norms[examples.start : examples.stop].copy(),
            **{each: self.tensors[each][low:high].copy() for each in _OF_ROWS},
            **{each: self.tensors[each][first:last].copy() for each in _OF_PARTS},
            **packed({name: cut(output, examples) for name, output in self.outputs.items()}),
        }

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
