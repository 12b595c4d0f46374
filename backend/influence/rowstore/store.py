"""All rows of a checkpoint, on disk in shards, or in memory: what search and explanations read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from backend.files import allow_many_files
from backend.influence.gradients.token_rows import TokenRows
from backend.influence.rowstore import kernels
from backend.influence.rowstore.layout import RowsInfo, shard_path
from backend.influence.rowstore.outputs import LOGITS
from backend.influence.rowstore.shard import Shard, find_row, split_row, usable_shard


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
    """All rows of one channel: of one checkpoint, or of one side of it."""

    def __init__(self, rows: Path, channel: int | str, count: int, info: RowsInfo) -> None:
        """Map the shards of ``channel``; `ValueError` naming the first that is damaged or missing."""
        self.count = count
        allow_many_files()  # each mapped shard keeps one open
        self.shards: list[Shard] = []
        self.spans = info.spans(count)
        """The examples of each shard."""
        self._starts = np.array([span.start for span in self.spans], dtype=np.int64)
        keys = info.shard_keys(channel, len(self.spans))
        for positions, key in zip(self.spans, keys, strict=True):
            path = shard_path(rows, channel, positions.start)
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

    def logits(self) -> np.ndarray:
        """What a classifier gave for every example: float32 (n, K)."""
        return np.concatenate([shard.outputs[LOGITS] for shard in self.passing()])

    def locate(self, example: int) -> tuple[int, int]:
        """Number of the shard that holds an example, and its place there."""
        number = int(np.searchsorted(self._starts, example, side="right")) - 1
        return number, example - self.spans[number].start

    def placed(self) -> Iterator[tuple[Shard, range]]:
        """`passing`, with the examples of each."""
        return zip(self.passing(), self.spans, strict=True)

    def norms(self) -> np.ndarray:
        """Norm of every example's whole gradient before it was encoded: float32 (n)."""
        return np.concatenate([shard.norms for shard in self.shards])

    def example(self, example: int) -> tuple[np.ndarray, np.ndarray]:
        """The tokens int32 (m) of an example and their rows float32 (m, r)."""
        number, local = self.locate(example)
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
        number, local = self.locate(example)
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
        shard, positions = self.shards[number], self.spans[number]
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
        shard, positions = self.shards[number], self.spans[number]
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
        bounds = np.searchsorted(examples, [*self._starts, self.count])
        for number in np.flatnonzero(np.diff(bounds)):
            span = slice(bounds[number], bounds[number + 1])
            yield self.shards[number], examples[span] - self._starts[number], span


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
