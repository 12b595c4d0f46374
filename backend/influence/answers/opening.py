"""Opening the search over what precompute has written; `InputError` where it is missing or damaged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from backend.errors import InputError
from backend.folder import Folder
from backend.influence.answers.search import Searcher
from backend.influence.gradients.sides import READ, channel_weights, channels_of, default_channels
from backend.influence.index.identity import index_id
from backend.influence.index.moments import Moments
from backend.influence.index.optimizer_state import SecondMoments, second_moments
from backend.influence.index.row_index import IndexInfo, RowIndex
from backend.influence.rowstore.opening import damaged, open_rows
from backend.program import COMMAND


def open_searcher(
    folder: Folder, vocabulary: int, width: int, device: torch.device
) -> tuple[Searcher, IndexInfo]:
    """The search over all rows, its index on ``device``; the embedding matrix is (vocabulary, width)."""
    artifact = folder.require("index", "precompute")
    rows = open_rows(folder)
    manifest = folder.manifest()
    weights = np.array(channel_weights(manifest))
    if artifact.id != index_id(manifest.artifacts["rows"].id, weights.tolist()):
        raise InputError(
            f"{folder.path}: its index was made for other checkpoints or by an older Firstword; "
            f"run `{COMMAND} precompute {folder.path}`"
        )
    try:
        index, info = RowIndex.load(folder.index, artifact.id, rows.stores, device)
    except ValueError as error:
        raise damaged(folder, error) from error
    optimizer = optimizer_reader(folder, (vocabulary, width), index.moments)
    searcher = Searcher(
        rows.stores, rows.codecs, index.moments, weights, vocabulary, index, info.candidates, optimizer
    )
    return searcher.on(default_channels(channels_of(manifest)), measured=True), info


def optimizer_reader(
    folder: Folder, shape: tuple[int, int], moments: list[Moments]
) -> Callable[[], list[SecondMoments]]:
    """Reads the optimizer's second moments at every checkpoint when called."""
    manifest = folder.manifest()
    channels = channels_of(manifest)
    paths = [folder.checkpoint_path(manifest.checkpoints[each.checkpoint]) for each in channels]

    def read() -> list[SecondMoments]:
        if any(each.side != READ for each in channels):
            raise InputError("--score adam: not for language models; --method trained follows Adam's state")
        return [second_moments(path, shape, each) for path, each in zip(paths, moments, strict=True)]

    return read
