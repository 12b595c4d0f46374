"""Many queries as one: influence is linear in the query's rows, so they may be added up before the search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from backend.data.targets.space import Numbers
from backend.influence.answers.explain import Explainer
from backend.influence.gradients.sides import channels_by_side
from backend.influence.gradients.traced import TracedExample
from backend.influence.gradients.tracing import Checkpoints
from backend.influence.index.modes import ScoreMode
from backend.model.tokenization import Encoded

_AT_ONCE = 64
_NUMBERS = 1 << 26  # in the gradients of what is traced at once: 256 MB


class SummedQuery(TracedExample):
    """The sum of many queries, each changed as the score mode asks: one position for every token they have.

    ``position_rows`` float32 (C, T, r) are the sums; r is the width of stored rows. Of language models all
    channels have their rows: a search on one side (`Searcher.on`) asks those of that side alone.
    """

    @cached_property
    def rows(self) -> np.ndarray:
        """The same: float32 (C, T, r)."""
        return self.position_rows

    @classmethod
    def of(cls, tokens: np.ndarray, rows: np.ndarray) -> SummedQuery:
        """From ``tokens`` int64 (T), ascending, and their rows float32 (C, T, r)."""
        together = Encoded(
            input_ids=tokens.tolist(),
            token_type_ids=None,
            offsets=[(0, 0)] * len(tokens),
            fields=[-1] * len(tokens),
            truncated=False,
        )
        return cls(together, np.arange(len(tokens)), tokens, rows, norm=0.0)


def summed_query(
    explainer: Explainer,
    encoded: Sequence[Encoded],
    labels: Numbers,
    mode: ScoreMode,
    scale: float = 1.0,
) -> SummedQuery:
    """Sum ``scale`` times the rows of examples traced for the targets ``labels``, some at a time.

    A mode that looks at a query's norm looks at that of each side by itself, as if it were asked alone.
    """
    checkpoints, searcher = explainer.checkpoints, explainer.searcher
    tokens = np.unique(np.concatenate([np.empty(0, np.int64), *(each.input_ids for each in encoded)]))
    tokens = tokens.astype(np.int64)
    total = np.zeros((len(searcher.stores), len(tokens), searcher.stores[0].width))
    for part in _parts(checkpoints, encoded):
        for traced in checkpoints.trace(encoded[part], labels[part], everywhere=True):
            for one in apart(checkpoints, traced).values() if mode.by_query_norm else (traced,):
                asked = searcher.ask(one, mode)
                total[:, np.searchsorted(tokens, asked.tokens)] += asked.rows
    return SummedQuery.of(tokens, (scale * total).astype(np.float32))


def apart(checkpoints: Checkpoints, traced: TracedExample) -> dict[str, TracedExample]:
    """The example on each of its sides, with the norm that it has there."""
    sides = channels_by_side(checkpoints.channels)
    if len(sides) == 1:
        return dict.fromkeys(sides, traced)
    found = {side: traced.on(channels) for side, channels in sides.items()}
    return {
        side: replace(each, norm=checkpoints.norm(each.slots, each.tokens, each.position_rows))
        for side, each in found.items()
    }


def _parts(checkpoints: Checkpoints, encoded: Sequence[Encoded]) -> Iterator[slice]:
    """Which examples to trace at once."""
    longest = max((len(each) for each in encoded), default=0)
    numbers = max(len(checkpoints.channels) * checkpoints.width * longest, 1)
    step = max(1, min(_AT_ONCE, _NUMBERS // numbers))
    for start in range(0, len(encoded), step):
        yield slice(start, start + step)
