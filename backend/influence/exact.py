"""Exact scores of a shortlist: the gradients of its training examples are made anew in fp32, nothing is
stored.

`explain --exact` ranks all stored rows first; storage rounds each score by a fraction of a percent, so the
shortlist is longer than what is asked for.
"""

from __future__ import annotations

import numpy as np

from backend.data.dataset import Split
from backend.influence.modes import ScoreMode
from backend.influence.search import Ranked, Ranking, summed_terms
from backend.influence.store import TracedRows, example_norms
from backend.influence.tracing import Checkpoints, TracedExample


def shortlist_size(k: int) -> int:
    """How many of each end to make anew for lists of ``k``."""
    return 2 * k + 10


def rescore(
    checkpoints: Checkpoints,
    train: Split,
    query: TracedExample,
    mode: ScoreMode,
    shortlist: Ranking,
    k: int,
) -> tuple[Ranking, list[TracedRows]]:
    """The top ``k`` of a shortlist by rows made anew, and those rows at every checkpoint.

    ``query`` has all dimensions of the embeddings, changed as the mode asks (see `Searcher.in_full`).
    """
    chosen = np.sort(np.concatenate([shortlist.proponents.positions, shortlist.opponents.positions]))
    rows, norms = exact_rows(checkpoints, train, chosen)
    factors = mode.factors(norms)
    terms = summed_terms(rows, query, chosen, checkpoints.vocabulary) * factors[:, None]
    return Ranking.of(Ranked(chosen, terms, factors), k, shortlist.n_scored), rows


def exact_rows(
    checkpoints: Checkpoints, train: Split, chosen: np.ndarray
) -> tuple[list[TracedRows], np.ndarray]:
    """Rows of training examples at every checkpoint, and the roots of their self-influences, float64 (n)."""
    places, classes = chosen.tolist(), checkpoints.manifest.classes
    labels = [classes.index(train.labels[each]) for each in places]
    texts_b = train.texts_b and [train.texts_b[each] for each in places]
    parts = checkpoints.rows([train.texts[each] for each in places], texts_b, labels)
    squares = [
        eta * example_norms(part).astype(np.float64) ** 2
        for eta, part in zip(checkpoints.weights, parts, strict=True)
    ]
    return [TracedRows(part, places) for part in parts], np.sqrt(np.sum(squares, axis=0))
