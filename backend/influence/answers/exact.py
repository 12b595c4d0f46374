"""Exact scores of a shortlist: the gradients of its training examples are made anew in fp32, nothing is
stored.

`explain --exact` ranks all stored rows first; storage rounds each score by a fraction of a percent, so the
shortlist is longer than what is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.influence.answers.engine import Engine
from backend.influence.answers.ranking import Ranked, Ranking
from backend.influence.answers.search import Searcher, summed_terms
from backend.influence.gradients.token_rows import example_squares
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.modes import ScoreMode, factors
from backend.influence.rowstore.store import TracedRows


def shortlist_size(k: int) -> int:
    """How many of each end to make anew for lists of ``k``."""
    return 2 * k + 10


def rescore(
    engine: Engine, searcher: Searcher, query: TracedExample, mode: ScoreMode, shortlist: Ranking, k: int
) -> tuple[Ranking, list[TracedRows]]:
    """The top ``k`` of a shortlist by rows made anew, and those rows at every checkpoint.

    ``query`` has all dimensions of the embeddings, changed as the mode asks (see `Searcher.in_full`).
    """
    chosen = shortlist.positions
    rows = exact_rows(engine, chosen)
    scored = exactly_scored(engine, searcher, rows, query, mode, chosen)
    return Ranking.of(scored, k, shortlist.n_scored), rows


def exactly_scored(
    engine: Engine,
    searcher: Searcher,
    rows: list[TracedRows],
    query: TracedExample,
    mode: ScoreMode,
    chosen: np.ndarray,
) -> Ranked:
    """``chosen`` training examples (ascending), whose rows are ``rows``, with their terms in the mode."""
    multipliers = factors(exact_norms(searcher, rows, mode), len(chosen))
    terms = summed_terms(rows, query, chosen, engine.checkpoints.vocabulary) * multipliers[:, None]
    return Ranked(chosen, terms, multipliers)


def exact_rows(engine: Engine, chosen: np.ndarray) -> list[TracedRows]:
    """Rows of training examples at every checkpoint, made anew."""
    parts = engine.checkpoints.rows(engine.train.take(chosen))
    return [TracedRows(part, chosen.tolist()) for part in parts]


def exact_norms(searcher: Searcher, rows: Sequence[TracedRows], mode: ScoreMode) -> np.ndarray | None:
    """The norms that the mode divides by, of the examples of ``rows``: float64 (n); None where by none."""
    if mode.train_norm is None:
        return None
    total = np.zeros(len(rows[0].part))
    weights = (searcher.weights * searcher.asked).tolist()
    for number, (eta, each) in enumerate(zip(weights, rows, strict=True)):
        if mode.train_norm == "plain":
            total += eta * example_squares(each.part, searcher.left_out)
        else:
            stored = searcher.codecs[number].project(each.part.rows)
            squares = searcher.moments[number].whitened_squares(stored)
            total += eta * np.bincount(each.part.owners, squares, minlength=len(each.part))
    return np.sqrt(total)
