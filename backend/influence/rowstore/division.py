"""How the training rows of a run are divided into shards, and what makes each shard another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from backend.data.shards import shard_ranges
from backend.files import digest
from backend.folder import Folder
from backend.influence.gradients.sides import channels_of, sides_of
from backend.influence.rowstore.layout import RowsInfo, shard_path, split_block
from backend.influence.rowstore.shard import usable_shard, write_tensors
from backend.manifest import Manifest
from backend.model.token_table import TokenTable


class Division:
    """Which examples each shard holds, and its key.

    ``makers``: of each channel, what decides its rows beside tokens and labels. ``width``: numbers a token.
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
        self._folder, self._channels = folder, [each.name for each in channels_of(manifest)]
        self._sides = sides_of(manifest.task.name)
        self._labels, self._makers = labels, makers
        self._tokens: dict[range, str] = {}
        self._divided: dict[range, list[range]] = {}  # blocks of several shards
        for block, shard in zip(shard_ranges(train.count), train.shards(), strict=True):
            parts = split_block(block, np.diff(shard.offsets), width)
            self._tokens[block] = shard.key
            if len(parts) > 1:
                self._divided[block] = parts
                self._tokens |= {part: train.part_key(shard, part) for part in parts}

    @property
    def spans(self) -> list[range]:
        """The examples of each shard."""
        return [span for span in self._tokens if span not in self._divided]

    def divide_written(self, number: int) -> None:
        """Divide the shards of channel ``number`` that hold whole blocks, as an earlier Firstword wrote
        them: their rows stay as they are."""
        rows, channel, maker = self._folder.rows, self._channels[number], self._makers[number]
        for block, parts in self._divided.items():
            whole = usable_shard(shard_path(rows, channel, block.start), self._key(maker, block), len(block))
            if whole is None:
                continue
            for part in reversed(parts):  # the first takes the file of the whole, when all others are there
                places = range(part.start - block.start, part.stop - block.start)
                path = shard_path(rows, channel, part.start)
                write_tensors(path, whole.piece(places), self._key(maker, part))

    def _key(self, maker: tuple[object, ...], span: range) -> str:
        """It changes whenever a row does."""
        return digest(maker, self._tokens[span], self._labels[span.start : span.stop].tolist())

    def info(self, row_store: str, classes: Sequence[str]) -> RowsInfo:
        """What ``rows.json`` will say."""
        keys = {
            name: [self._key(maker, span) for span in self.spans]
            for name, maker in zip(self._channels, self._makers, strict=True)
        }
        starts = [span.start for span in self.spans]
        found = RowsInfo(digest("rows", keys, classes), row_store, keys, starts)
        return found if len(self._sides) == 1 else replace(found, sides=self._sides)
