"""The FAISS index of the gradient rows: one inverted list per (checkpoint, token).

A query term (checkpoint, token) searches exactly the list of its own pair, so the index is a
word-level index without probing errors. It proposes candidates; they are re-ranked from ``rows/``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import faiss
import numpy as np
from faiss.contrib import ivf_tools

from backend.files import file_digest, replacing, write_json
from backend.influence.store import SHARD_EXAMPLES, RowStore
from backend.progress import Progress

_FAISS_FILE = "rows.faiss"
_INFO_FILE = "index.json"
_TRAINING_ROWS = 50_000


@dataclass(frozen=True)
class IndexInfo:
    """``index.json``: what the index holds, how it was built, and the recall measured on it.

    ``lists`` maps each checkpoint step to the ascending token ids that occur there; list numbers
    follow that order, checkpoint after checkpoint.
    """

    artifact: str
    steps: list[int]
    tokens: list[list[int]]
    n_train: int
    width: int
    quantizer: str
    candidates_per_list: int
    recall: dict[str, float]


class RowIndex:
    """Search over the rows of all checkpoints."""

    def __init__(self, index: faiss.Index, tokens: list[list[int]]) -> None:
        """Wrap a FAISS index whose lists are numbered over ``tokens``, checkpoint after checkpoint."""
        self.index = index
        self.first_list = np.concatenate([[0], np.cumsum([len(each) for each in tokens])])
        self.tokens = [np.asarray(each, dtype=np.int64) for each in tokens]

    @classmethod
    def build(cls, stores: list[RowStore], progress: Progress) -> RowIndex:
        """Index the rows of ``stores`` (one per checkpoint), quantised to 8 bits per component."""
        tokens = [_distinct_tokens(store) for store in stores]
        width, lists = stores[0].width, sum(len(each) for each in tokens)
        # The coarse quantizer is never asked: searches name their list. One byte per list is the least.
        coarse = faiss.IndexLSH(width, 1, False, False)
        coarse.add(np.zeros((max(lists, 1), width), dtype=np.float32))
        index = faiss.IndexIVFScalarQuantizer(
            coarse,
            width,
            max(lists, 1),
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
            False,
        )
        index.train(_training_sample(stores))
        row_index = cls(index, tokens)
        total = sum(len(store.shards) for store in stores)
        done = 0
        for checkpoint, store in enumerate(stores):
            for number, shard in enumerate(store.shards):
                progress("index", done, total)
                if len(shard.tokens):
                    lengths = np.diff(shard.offsets)
                    ids = np.repeat(np.arange(len(shard)) + number * SHARD_EXAMPLES, lengths)
                    lists_of_rows = row_index._lists(checkpoint, shard.tokens.astype(np.int64))
                    ivf_tools.add_preassigned(index, np.asarray(shard.rows), lists_of_rows, ids)
                done += 1
        progress("index", total, total)
        return row_index

    def _lists(self, checkpoint: int, tokens: np.ndarray) -> np.ndarray:
        """List numbers of tokens that are known to occur at ``checkpoint``: int64."""
        return self.first_list[checkpoint] + np.searchsorted(self.tokens[checkpoint], tokens)

    def candidates(self, tokens: np.ndarray, rows: np.ndarray, per_list: int) -> np.ndarray:
        """Training examples worth re-ranking: the best and worst ``per_list`` of every term's list.

        Args:
            tokens: (T,) int64, the query's distinct tokens. rows: (C, T, d) float32, its rows, weighted.

        Returns:
            Positions of training examples, int64, ascending, distinct.
        """
        queries, lists = [], []
        for checkpoint, known in enumerate(self.tokens):
            occurs = np.isin(tokens, known)
            terms = rows[checkpoint, occurs]
            numbers = self._lists(checkpoint, tokens[occurs])
            queries += [terms, -terms]
            lists += [numbers, numbers]
        stacked = np.ascontiguousarray(np.concatenate(queries), dtype=np.float32)
        if not len(stacked):
            return np.empty(0, dtype=np.int64)
        _, found = ivf_tools.search_preassigned(
            self.index, stacked, per_list, np.concatenate(lists)[:, None].astype(np.int64)
        )
        distinct = np.unique(found)
        return distinct[distinct >= 0]

    def save(self, folder: Path, info: IndexInfo) -> None:
        """Write the index and then ``index.json``, which makes it valid."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _INFO_FILE).unlink(missing_ok=True)
        with replacing(folder / _FAISS_FILE) as temporary:
            faiss.write_index(self.index, str(temporary))
        content = {**asdict(info), "content": file_digest(folder / _FAISS_FILE)}
        write_json(folder / _INFO_FILE, content)

    @staticmethod
    def intact(folder: Path) -> bool:
        """Whether the index file's content is what was written (reads everything)."""
        try:
            recorded = json.loads((folder / _INFO_FILE).read_text(encoding="utf-8"))["content"]
            return file_digest(folder / _FAISS_FILE) == recorded
        except (OSError, KeyError, TypeError, json.JSONDecodeError):
            return False

    @classmethod
    def load(cls, folder: Path, artifact: str) -> tuple[RowIndex, IndexInfo]:
        """Map the index of ``artifact``; `ValueError` if it is damaged, missing or another's."""
        try:
            content = json.loads((folder / _INFO_FILE).read_text(encoding="utf-8"))
            content.pop("content", None)
            info = IndexInfo(**content)
            if info.artifact != artifact:
                raise ValueError(f"{folder}: belongs to other rows")
            index = faiss.read_index(str(folder / _FAISS_FILE), faiss.IO_FLAG_MMAP)
        except (OSError, RuntimeError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"{folder}: damaged or missing") from error
        lists = getattr(index, "nlist", None)
        if index.d != info.width or lists != max(sum(map(len, info.tokens)), 1):
            raise ValueError(f"{folder}: {_FAISS_FILE} and {_INFO_FILE} disagree")
        return cls(index, info.tokens), info


def _distinct_tokens(store: RowStore) -> list[int]:
    parts = [np.unique(shard.tokens) for shard in store.shards]
    return np.unique(np.concatenate(parts)).tolist() if parts else []


def _training_sample(stores: list[RowStore]) -> np.ndarray:
    """Rows spread evenly over checkpoints and shards, enough to learn the quantiser's ranges."""
    shards = [shard for store in stores for shard in store.shards if len(shard.rows)]
    if not shards:
        return np.zeros((1, stores[0].width), dtype=np.float32)
    each = max(_TRAINING_ROWS // len(shards), 1)
    picks = [shard.rows[:: max(len(shard.rows) // each, 1)][:each] for shard in shards]
    return np.ascontiguousarray(np.concatenate(picks), dtype=np.float32)
