"""The FAISS index of the gradient rows: one inverted list per (channel, token), mapped from disk.

A row is stored in the main directions of its channel (see `Moments`), divided by the norm of its example's
gradient, 8 bits a number. A query reads the lists of its tokens from end to end and adds the products up per
example: every example gets an approximate influence, times its norm again. Long lists cost what the memory
takes to deliver them, and no mode can miss an example because a list's top was cut off
(docs/decisions.md, D-021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import faiss
import numpy as np
import torch

from backend.files import file_digest, read_marked, write_marked
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.faiss_output import silent_stdout
from backend.influence.index.moments import Moments, moments_path
from backend.influence.index.scan import ID_BYTES, Terms, open_scan
from backend.influence.rowstore.store import RowStore

HEADER_FILE, LISTS_FILE, INFO_FILE = "rows.faiss", "rows.lists", "index.json"
TARGET_RECALL = 0.99
_ALIGNMENT = 8  # of list entries: codes are padded, so that ids lie where numbers of 8 bytes may


@dataclass(frozen=True)
class IndexInfo:
    """``index.json``: what the index holds, how it was built, and the recall measured on it.

    ``steps``: the name of every channel. ``candidates`` and ``recall`` have one entry per score mode;
    ``candidates`` are re-ranked at each end.
    """

    artifact: str
    steps: Sequence[int | str]
    n_train: int
    dimensions: int
    quantizer: str
    candidates: dict[str, int]
    recall: dict[str, dict[str, float]]
    tried: list[dict[str, Any]]


class RowIndex:
    """Approximate influence of all training examples. ``norms`` float32 (C, n), see `RowStore.norms`."""

    def __init__(
        self,
        index: Any,
        lists: Path,
        moments: list[Moments],
        norms: np.ndarray,
        device: str | torch.device = "cpu",
    ) -> None:
        """``index`` is an `IndexIVFScalarQuantizer` whose lists lie in the file ``lists``."""
        self.moments, self.norms = moments, norms
        self.count, self.dimensions = norms.shape[1], index.d
        trained = faiss.vector_to_array(index.sq.trained)
        self._low, self._step = trained[: index.d], trained[index.d :] / 255
        self._index = index  # owns the table of lists
        self._lists: Any = cast(Any, faiss.downcast_InvertedLists(index.invlists)).lists
        self._first_list = np.concatenate([[0], np.cumsum([len(each.tokens) for each in moments])])
        self._scan = open_scan(lists, self.count, torch.device(device))

    def scores(self, queries: Sequence[TracedExample]) -> np.ndarray:
        """Approximate influence of every training example on each query: float32 (queries, n).

        Queries are in the coordinates of stored rows, as their mode changed them.
        """
        total = np.zeros((len(queries), self.count), dtype=np.float32)
        for channel in range(len(self.moments)):
            terms = self._terms(channel, queries)
            if len(terms.owners):
                total += self._scan.sums(terms, len(queries)) * self.norms[channel]
        return total

    def _terms(self, channel: int, queries: Sequence[TracedExample]) -> Terms:
        """What the queries ask of the lists of a channel: nothing of tokens whose row there is 0."""
        moments = self.moments[channel]
        numbers, owners, rows = [], [], []
        for owner, query in enumerate(queries):
            asked = np.flatnonzero(query.rows[channel].any(axis=1))
            occurs, place = moments.places(query.tokens[asked])
            numbers.append(self._first_list[channel] + place)
            owners.append(np.full(len(place), owner, dtype=np.int64))
            rows.append(query.rows[channel][asked[occurs]])
        order = np.argsort(np.concatenate(numbers), kind="stable")
        lists, first = np.unique(np.concatenate(numbers)[order], return_index=True)
        wanted = project(np.concatenate(rows)[order], moments, self.dimensions)
        places = [self._lists.at(int(each)) for each in lists]
        return Terms(
            starts=np.array([each.offset for each in places], dtype=np.int64),
            sizes=np.array([each.size for each in places], dtype=np.int64),
            ranges=np.append(first, len(order)).astype(np.int64),
            queries=np.ascontiguousarray(wanted * self._step, dtype=np.float32),
            constants=(wanted @ (self._low + 0.5 * self._step)).astype(np.float32),
            owners=np.concatenate(owners)[order],
        )

    @classmethod
    def open(
        cls, folder: Path, moments: list[Moments], stores: list[RowStore], device: str | torch.device = "cpu"
    ) -> RowIndex:
        """Map the index in ``folder``; `ValueError` if it is damaged, missing or another's."""
        try:
            flags = faiss.IO_FLAG_MMAP | faiss.IO_FLAG_ONDISK_SAME_DIR
            with silent_stdout():
                index = faiss.read_index(str(folder / HEADER_FILE), flags)
            size = (folder / LISTS_FILE).stat().st_size
        except (OSError, RuntimeError) as error:
            raise ValueError(f"{folder}: damaged or missing") from error
        lists = max(sum(len(each.tokens) for each in moments), 1)
        if getattr(index, "nlist", None) != lists or size < index.ntotal * (index.d + ID_BYTES):
            raise ValueError(f"{folder}: {HEADER_FILE} and {LISTS_FILE} disagree")
        norms = np.stack([each.norms() for each in stores])
        return cls(index, folder / LISTS_FILE, moments, norms, device)

    @classmethod
    def load(
        cls, folder: Path, artifact: str, stores: list[RowStore], device: str | torch.device = "cpu"
    ) -> tuple[RowIndex, IndexInfo]:
        """Map the index of ``artifact``; `ValueError` if it is damaged, missing or another's."""
        info = read_info(folder, artifact)
        moments = [Moments.read(moments_path(folder, channel), artifact) for channel in info.steps]
        return cls.open(folder, moments, stores, device), info


def project(rows: np.ndarray, moments: Moments, dimensions: int) -> np.ndarray:
    """Stored rows (n, r) in the index's coordinates, float32 (n, dimensions), padded with zeros."""
    kept = rows @ moments.basis[:, :dimensions]
    return np.pad(kept, ((0, 0), (0, dimensions - kept.shape[1]))).astype(np.float32)


def padded(dimensions: int) -> int:
    """The next size that an index row may have."""
    return -(-dimensions // _ALIGNMENT) * _ALIGNMENT


def read_info(folder: Path, artifact: str) -> IndexInfo:
    """``index.json``; `ValueError` if it is damaged, missing or of another artifact."""
    try:
        content = read_marked(folder / INFO_FILE)
        content.pop("content", None)
        info = IndexInfo(**content)
    except (OSError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{folder / INFO_FILE}: damaged or missing") from error
    if info.artifact != artifact:
        raise ValueError(f"{folder}: belongs to other rows")
    return info


def write_info(folder: Path, info: IndexInfo) -> None:
    """Write ``index.json``, which makes the index valid, with digests of its other files."""
    write_marked(folder / INFO_FILE, {**asdict(info), "content": _digests(folder)})


def intact(folder: Path) -> bool:
    """Whether the index's files are what was written (reads everything)."""
    try:
        return _digests(folder) == read_marked(folder / INFO_FILE)["content"]
    except (OSError, KeyError, TypeError, ValueError):
        return False


def _digests(folder: Path) -> dict[str, str]:
    names = [path.name for path in folder.iterdir() if path.suffix in (".faiss", ".lists", ".safetensors")]
    return {name: file_digest(folder / name) for name in sorted(names)}
