"""Opening what precompute has written: stores, codecs, index; `InputError` where it is missing or damaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from backend.errors import InputError
from backend.folder import Folder
from backend.influence.basis import stored_codec
from backend.influence.compression import RowCodec
from backend.influence.index import IndexInfo, RowIndex
from backend.influence.index_id import index_id
from backend.influence.moments import Moments
from backend.influence.optimizer_state import SecondMoments, second_moments
from backend.influence.search import Searcher
from backend.influence.store import RowsInfo, RowStore


@dataclass(frozen=True)
class StoredRows:
    """The rows of all checkpoints, in order, and how they are encoded."""

    stores: list[RowStore]
    codecs: list[RowCodec]


def open_rows(folder: Folder) -> StoredRows:
    """The rows of all checkpoints; `InputError` if they are missing, stale or damaged."""
    artifact = folder.require("rows", "precompute")
    manifest = folder.manifest()
    try:
        info = RowsInfo.read(folder.rows, artifact.id)
        count, checkpoints = manifest.data.n_train, manifest.checkpoints
        stores = [RowStore(folder.rows, each.step, count, info) for each in checkpoints]
        return StoredRows(stores, [stored_codec(folder, each, info.row_store) for each in checkpoints])
    except ValueError as error:
        raise _damaged(folder, error) from error


def open_searcher(
    folder: Folder, vocabulary: int, width: int, device: torch.device
) -> tuple[Searcher, IndexInfo]:
    """The search over all rows, its index on ``device``; the embedding matrix is (vocabulary, width)."""
    artifact = folder.require("index", "precompute")
    rows = open_rows(folder)
    manifest = folder.manifest()
    weights = np.array([each.weight for each in manifest.checkpoints])
    if artifact.id != index_id(manifest.artifacts["rows"].id, weights.tolist()):
        raise InputError(
            f"{folder.path}: its index was made for other checkpoints or by an older Firstword; "
            f"run `python -m backend precompute {folder.path}`"
        )
    try:
        index, info = RowIndex.load(folder.index, artifact.id, rows.stores, device)
    except ValueError as error:
        raise _damaged(folder, error) from error
    optimizer = optimizer_reader(folder, (vocabulary, width), index.moments)
    searcher = Searcher(
        rows.stores, rows.codecs, index.moments, weights, vocabulary, index, info.candidates, optimizer
    )
    return searcher, info


def optimizer_reader(
    folder: Folder, shape: tuple[int, int], moments: list[Moments]
) -> Callable[[], list[SecondMoments]]:
    """Reads the optimizer's second moments at every checkpoint when called."""
    paths = [folder.checkpoint_path(each) for each in folder.manifest().checkpoints]
    return lambda: [second_moments(path, shape, each) for path, each in zip(paths, moments, strict=True)]


def _damaged(folder: Folder, error: ValueError) -> InputError:
    return InputError(f"{error}; run `python -m backend precompute {folder.path}`")
