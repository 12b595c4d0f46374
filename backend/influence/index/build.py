"""Building the index's lists block by block, merged on disk: memory is bounded by one block."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import faiss
import numpy as np
from faiss.contrib import ivf_tools
from faiss.contrib.ondisk import merge_ondisk

from backend.influence.index.faiss_output import silent_stdout
from backend.influence.index.moments import Moments, gather, moments_path
from backend.influence.index.row_index import HEADER_FILE, LISTS_FILE, padded, project
from backend.influence.rowstore.store import RowStore
from backend.progress import Progress

_BLOCK_ROWS = 1_000_000
_TRAINING_ROWS = 50_000


def gather_moments(
    folder: Path,
    artifact: str,
    channels: Sequence[int | str],
    stores: list[RowStore],
    width: int,
    progress: Progress,
) -> list[Moments]:
    """Gather and write the moments of every channel; ``width`` is d."""
    found = []
    for number, (channel, store) in enumerate(zip(channels, stores, strict=True)):
        progress("second moments", number, len(stores))
        found.append(gather(store, width))
        found[-1].write(moments_path(folder, channel), artifact)
    progress("second moments", len(stores), len(stores))
    return found


def build_lists(
    folder: Path, stores: list[RowStore], moments: list[Moments], dimensions: int, progress: Progress
) -> None:
    """Write the header and the lists of an index with ``dimensions`` numbers a row into ``folder``."""
    empty = _trained(stores, moments, padded(dimensions))
    blocks = folder / "blocks"
    blocks.mkdir(exist_ok=True)
    empty_path = str(blocks / "empty.faiss")
    faiss.write_index(empty, empty_path)
    block, paths = faiss.read_index(empty_path), list[str]()
    for vectors, lists, examples in _entries(stores, moments, empty.d, progress):
        ivf_tools.add_preassigned(block, vectors, lists, examples)
        if block.ntotal >= _BLOCK_ROWS:
            paths.append(_write_block(block, blocks, len(paths)))
            block = faiss.read_index(empty_path)
    paths.append(_write_block(block, blocks, len(paths)))
    _merge(empty, paths, folder)
    shutil.rmtree(blocks)


def _write_block(block: faiss.Index, blocks: Path, number: int) -> str:
    path = str(blocks / f"{number}.faiss")
    faiss.write_index(block, path)
    return path


def _merge(index: faiss.Index, blocks: list[str], folder: Path) -> None:
    logging.getLogger("faiss.contrib.ondisk").setLevel(logging.WARNING)
    with silent_stdout():
        merge_ondisk(index, blocks, str(folder / LISTS_FILE))
    faiss.write_index(index, str(folder / HEADER_FILE))


def _trained(
    stores: list[RowStore], moments: list[Moments], dimensions: int
) -> faiss.IndexIVFScalarQuantizer:
    """An empty index with a list for every (channel, token) whose quantiser has seen rows of all."""
    lists = max(sum(len(each.tokens) for each in moments), 1)
    # The coarse quantizer is never asked: lists are named. One byte per list is the least.
    coarse = faiss.IndexLSH(dimensions, 1, False, False)
    coarse.add(np.zeros((lists, dimensions), dtype=np.float32))
    index = faiss.IndexIVFScalarQuantizer(
        coarse, dimensions, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT, False
    )
    index.train(
        np.concatenate([*_samples(stores, moments, dimensions), np.zeros((1, dimensions), np.float32)])
    )
    return index


def _samples(stores: list[RowStore], moments: list[Moments], dimensions: int) -> Iterator[np.ndarray]:
    """Index rows spread evenly over checkpoints and shards, enough to learn the quantiser's ranges."""
    each = max(_TRAINING_ROWS // max(sum(len(store.shards) for store in stores), 1), 1)
    for store, known in zip(stores, moments, strict=True):
        for shard in store.passing():
            chosen = slice(None, None, max(len(shard.tokens) // each, 1))
            owners = shard.owners[chosen]
            yield _scaled(project(shard.rows(chosen), known, dimensions), shard.norms[owners])


def _entries(
    stores: list[RowStore], moments: list[Moments], dimensions: int, progress: Progress
) -> Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Vectors, list numbers and examples of all rows, one shard after the other."""
    total, done, first_list = sum(len(store.shards) for store in stores), 0, 0
    for store, known in zip(stores, moments, strict=True):
        for shard, positions in store.placed():
            owners = shard.owners
            vectors = _scaled(project(shard.rows(), known, dimensions), shard.norms[owners])
            lists = first_list + np.searchsorted(known.tokens, shard.tokens).astype(np.int64)
            yield vectors, lists, owners + positions.start
            done += 1
            progress(f"index of {dimensions} dimensions", done, total)
        first_list += len(known.tokens)


def _scaled(rows: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """Rows divided by the norm of their example's gradient."""
    factor = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return np.ascontiguousarray(rows * factor[:, None], dtype=np.float32)
