"""How the training rows of a run are divided into shards, and what makes each shard another one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.data.shards import shard_ranges
from backend.files import digest
from backend.folder import Folder
from backend.influence.rowstore.layout import RowsInfo, shard_path, split_block
from backend.influence.rowstore.shard import usable_shard
from backend.manifest import Manifest
from backend.model.token_table import TokenTable


class Division:
    """Which examples each shard holds, and its key. A block that was written as one shard stays one.

    ``makers``: of each checkpoint, what decides its rows beside tokens and labels. ``width`` is d.
    """

    def __init__(
        self,
        folder: Folder,
        manifest: Manifest,
        train: TokenTable,
        labels: np.ndarray,
        makers: Sequence[tuple[object, ...]],
        width: int,
    ) -> None:
        self._folder, self._steps = folder, [each.step for each in manifest.checkpoints]
        self._labels, self._makers = labels, makers
        self._tokens: dict[range, str] = {}
        for block, shard in zip(shard_ranges(train.count), train.shards(), strict=True):
            self._tokens[block] = shard.key
            parts = split_block(block, np.diff(shard.offsets), width)
            if len(parts) > 1 and not self._is_written(block):
                del self._tokens[block]
                self._tokens |= {part: train.part_key(shard, part) for part in parts}

    def _key(self, maker: tuple[object, ...], span: range) -> str:
        """It changes whenever a row does."""
        return digest(maker, self._tokens[span], self._labels[span.start : span.stop].tolist())

    def _is_written(self, block: range) -> bool:
        return any(
            usable_shard(
                shard_path(self._folder.rows, step, block.start), self._key(maker, block), len(block)
            )
            for step, maker in zip(self._steps, self._makers, strict=True)
        )

    def info(self, row_store: str, classes: Sequence[str]) -> RowsInfo:
        """What ``rows.json`` will say."""
        keys = {
            str(step): [self._key(maker, span) for span in self._tokens]
            for step, maker in zip(self._steps, self._makers, strict=True)
        }
        starts = [span.start for span in self._tokens]
        return RowsInfo(digest("rows", keys, classes), row_store, keys, starts)
