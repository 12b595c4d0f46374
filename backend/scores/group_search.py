"""The most similar groups of rows, and near-duplicates however many they are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

NEAR = 0.95  # cosine from which on rows are near-duplicates
_CROWDED_BLOCK = 128  # if all 100,000 rows were near-duplicates of each other, it would take 150 MB


class GroupSearch:
    """Cosines of one vector per group, float32 (G, e)."""

    def __init__(self, vectors: np.ndarray, wide: int) -> None:
        import faiss

        self._vectors, self._wide = vectors, min(wide + 1, len(vectors))
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)

    def nearest(self, block: range) -> tuple[np.ndarray, np.ndarray]:
        """Cosines and numbers of the most similar other groups, descending: float32 and int64 (B, wide)."""
        similarities, found = self._index.search(self._vectors[block.start : block.stop], self._wide)
        similarities[found == np.arange(block.start, block.stop)[:, None]] = -np.inf
        order = np.argsort(-similarities, axis=1, kind="stable")[:, : self._wide - 1]
        return np.take_along_axis(similarities, order, axis=1), np.take_along_axis(found, order, axis=1)

    def near(
        self, block: range, similarities: np.ndarray, found: np.ndarray
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Each group of a block with its near-duplicates, most similar first, and their cosines (m)."""
        is_near = similarities >= NEAR
        crowded = np.flatnonzero(is_near.all(axis=1)) if self._wide < len(self._vectors) else np.empty(0, int)
        for place in np.setdiff1d(np.arange(len(block)), crowded).tolist():
            yield block.start + place, found[place, is_near[place]], similarities[place, is_near[place]]
        for start in range(0, len(crowded), _CROWDED_BLOCK):
            yield from self._all_near(block.start + crowded[start : start + _CROWDED_BLOCK])

    def _all_near(self, groups: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        limits, similarities, found = self._index.range_search(self._vectors[groups], NEAR)
        for group, first, last in zip(groups.tolist(), limits, limits[1:], strict=False):
            others, near = found[first:last], similarities[first:last]
            order = np.argsort(-near, kind="stable")
            order = order[others[order] != group]
            yield group, others[order], near[order]
