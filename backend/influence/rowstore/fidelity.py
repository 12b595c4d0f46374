"""What reduced precision and storage cost: scores from rows as they will be stored against those in fp32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from backend.influence.gradients.token_rows import TokenRows
from backend.influence.rowstore import kernels
from backend.influence.rowstore.compression import RowCodec

SAMPLE_EXAMPLES, SAMPLE_QUERIES = 512, 64


@dataclass(frozen=True)
class Fidelity:
    """Agreement of two score matrices, mean over queries.

    Recall: share of the ``k`` best (most negative: opponents) examples that are among the other's ``k`` best.
    Rank correlation: Spearman's, over all examples.
    """

    recall_proponents: float
    recall_opponents: float
    rank_correlation: float
    k: int
    examples: int
    queries: int

    @property
    def recall(self) -> float:
        """The lower of the two recalls."""
        return min(self.recall_proponents, self.recall_opponents)

    def to_json(self) -> dict[str, float]:
        """Plain numbers, rounded."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def compare(truth: np.ndarray, found: np.ndarray, k: int = 10) -> Fidelity:
    """How well ``found`` (queries, examples) ranks what ``truth`` (same shape) ranks."""
    k = min(k, truth.shape[1])
    pairs = list(zip(truth, found, strict=True))
    return Fidelity(
        recall_proponents=_mean([_recall(true, other, k) for true, other in pairs]),
        recall_opponents=_mean([_recall(-true, -other, k) for true, other in pairs]),
        rank_correlation=_mean([_spearman(true, other) for true, other in pairs]),
        k=k,
        examples=truth.shape[1],
        queries=truth.shape[0],
    )


def score_matrix(rows: TokenRows, queries: TokenRows, codec: RowCodec | None = None) -> np.ndarray:
    """Dot products of all queries with all examples over shared tokens: float64 (queries, examples).

    With ``codec`` the examples' rows are encoded first, as the store does.
    """
    codes, scales = (codec or RowCodec("full")).encode(rows.rows)
    asked = queries.rows if codec is None else codec.project(queries.rows)
    vocabulary = 1 + int(max(rows.tokens.max(initial=0), queries.tokens.max(initial=0)))
    matrix = np.zeros((len(queries), len(rows)))
    for query in range(len(queries)):
        span = slice(queries.offsets[query], queries.offsets[query + 1])
        slots = np.full(vocabulary, -1, dtype=np.int64)
        slots[queries.tokens[span]] = np.arange(span.stop - span.start)
        wanted = np.ascontiguousarray(asked[span], dtype=np.float32)
        kernels.add_scores(codes, scales, rows.tokens, rows.offsets, slots, wanted, matrix[query])
    return matrix


def summed_scores(
    rows: Sequence[TokenRows], queries: Sequence[TokenRows], codecs: Sequence[RowCodec] | None = None
) -> np.ndarray:
    """`score_matrix` over all sides of the examples, one codec each."""
    chosen = [None] * len(rows) if codecs is None else codecs
    parts = [score_matrix(*each) for each in zip(rows, queries, chosen, strict=True)]
    return np.sum(parts, axis=0)


def _recall(truth: np.ndarray, found: np.ndarray, k: int) -> float:
    """Share of the true top k among the found; one that ties with the last true one counts."""
    weakest = np.sort(truth)[-k]
    chosen = truth[np.argsort(-found, kind="stable")[:k]]
    return float(np.mean(chosen >= weakest - 1e-6 * abs(weakest)))


def _spearman(first: np.ndarray, second: np.ndarray) -> float:
    if len(first) < 2:
        return 1.0
    ranks = np.stack([np.argsort(np.argsort(each, kind="stable"), kind="stable") for each in (first, second)])
    first, second = ranks - ranks.mean(axis=1, keepdims=True)
    return float(first @ second / max(np.linalg.norm(first) * np.linalg.norm(second), 1e-30))


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 1.0
