"""Many queries as one: influence is linear in the query's rows, so they may be added up before the search."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from backend.data.targets.space import Numbers
from backend.influence.answers.explain import Explainer
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.modes import ScoreMode
from backend.model.tokenization import Encoded

_AT_ONCE = 64


class SummedQuery(TracedExample):
    """The sum of many queries, each changed as the score mode asks: one position for every token they have.

    ``position_rows`` float32 (C, T, r) are the sums; r is the width of stored rows.
    """

    @cached_property
    def rows(self) -> np.ndarray:
        """The same: float32 (C, T, r)."""
        return self.position_rows


def summed_query(
    explainer: Explainer,
    encoded: Sequence[Encoded],
    labels: Numbers,
    mode: ScoreMode,
    scale: float = 1.0,
) -> SummedQuery:
    """Sum ``scale`` times the rows of examples traced for the targets ``labels``, some at a time."""
    checkpoints, searcher = explainer.checkpoints, explainer.searcher
    tokens = np.unique(np.concatenate([np.empty(0, np.int64), *(each.input_ids for each in encoded)]))
    tokens = tokens.astype(np.int64)
    total = np.zeros((len(searcher.stores), len(tokens), searcher.stores[0].width))
    for start in range(0, len(encoded), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        for traced in checkpoints.trace(encoded[part], labels[part]):
            asked = searcher.ask(traced, mode)
            total[:, np.searchsorted(tokens, asked.tokens)] += asked.rows
    together = Encoded(
        input_ids=tokens.tolist(),
        token_type_ids=None,
        offsets=[(0, 0)] * len(tokens),
        fields=[-1] * len(tokens),
        truncated=False,
    )
    rows = (scale * total).astype(np.float32)
    return SummedQuery(together, np.arange(len(tokens)), tokens, rows, norm=0.0)
