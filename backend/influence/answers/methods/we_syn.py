"""TracIn-WE over synonyms: tokens are matched one to one where their embeddings are close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from backend.influence.answers.engine import Engine
from backend.influence.answers.exact import exact_norms, exact_rows, shortlist_size
from backend.influence.answers.method import Asked, Found
from backend.influence.answers.methods.we import SOURCE, RowEvidence, WordEmbeddings
from backend.influence.answers.ranking import Ranked, Ranking
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.modes import factors, score_mode
from backend.model.loading import embedding_layer
from backend.model.tokenization import reserved_ids

CLOSE = 0.7
_SHORTLIST = 10  # times k, at each end


class WholeRows(Protocol):
    """Rows of training examples at one checkpoint."""

    def example(self, example: int) -> tuple[np.ndarray, np.ndarray]:
        """The tokens int32 (m) of an example and their rows float32 (m, r)."""


class Synonyms(WordEmbeddings):
    """`we-syn`: re-ranks what `we` finds. A special token is matched with itself only."""

    name = "we-syn"
    title = "word embeddings with synonyms"
    formula = (
        "max |.|-matching m of tokens with cos(e_w, e_m(w)) >= 0.7 of sum_c eta_c g_c(x, m(w)) . g_c(q, w)"
    )
    source = f"{SOURCE}, eq. 5; over all tokens instead of 10, embeddings of the last checkpoint"
    cost = "an assignment problem for each example of a shortlist"
    limits = "looks only at the examples that we puts first"
    scores_all = False

    def find(self, asked: Asked) -> Found:
        """The shortlist of `we`, matched anew and ranked."""
        mode, searcher = score_mode(asked.score, asked.damping), asked.engine.searcher
        query = searcher.ask(asked.traced, mode)
        width = min(max(_SHORTLIST * asked.k, shortlist_size(asked.k)), searcher.count)
        shortlist = searcher.top(query, mode, width, scan=asked.exact, exclude=asked.own).positions
        if asked.own is not None:
            shortlist = np.union1d(shortlist, [asked.own])
        if asked.exact:
            query = searcher.in_full(query, asked.traced, mode)
            rows = exact_rows(asked.engine, shortlist)
            norms = exact_norms(searcher, rows, mode)
            multipliers = factors(norms, len(shortlist))
            scored = self._matched(asked, query, rows, shortlist, multipliers)
            found = RowEvidence(query, rows)
        else:
            scored = self._matched(
                asked, query, searcher.stores, shortlist, searcher.factors(mode)[shortlist]
            )
            found = RowEvidence(query, searcher.stores)
        own = None
        if asked.own is not None:
            own = float(scored.at(np.flatnonzero(shortlist == asked.own)).scores[0])
            scored = scored.at(np.flatnonzero(shortlist != asked.own))
        return Found(Ranking.of(scored, asked.k, len(shortlist)), own, asked.exact, found)

    def all_scores(self, asked: Asked) -> np.ndarray:
        """Every example matched: slow."""
        mode, searcher = score_mode(asked.score, asked.damping), asked.engine.searcher
        query, every = searcher.ask(asked.traced, mode), np.arange(searcher.count)
        return self._matched(asked, query, searcher.stores, every, searcher.factors(mode)).scores

    def _matched(
        self,
        asked: Asked,
        query: TracedExample,
        rows: Sequence[WholeRows],
        examples: np.ndarray,
        multipliers: np.ndarray,
    ) -> Ranked:
        close = _closeness(asked.engine)
        terms = np.zeros((len(examples), len(query.tokens)))
        partners = np.full(terms.shape, -1, dtype=np.int64)
        for place, example in enumerate(examples.tolist()):
            tokens = rows[0].example(example)[0]
            products = np.zeros((len(query.tokens), len(tokens)))
            for checkpoint, each in enumerate(rows):
                products += query.rows[checkpoint] @ each.example(example)[1].T
            allowed = close(query.tokens, tokens)
            mine, theirs = linear_sum_assignment(np.where(allowed, np.abs(products), 0.0), maximize=True)
            kept = allowed[mine, theirs]
            terms[place, mine[kept]] = products[mine[kept], theirs[kept]]
            partners[place, mine[kept]] = tokens[theirs[kept]]
        return Ranked(examples, terms * multipliers[:, None], multipliers, partners)


class _Closeness:
    """Which tokens may be matched."""

    def __init__(self, embeddings: torch.Tensor, specials: frozenset[int]) -> None:
        self._embeddings, self._specials = embeddings, np.array(sorted(specials), dtype=np.int64)

    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """bool (T, U) for tokens (T) and (U): the same, or close and neither special."""
        a, b = (
            torch.nn.functional.normalize(self._embeddings[torch.from_numpy(each.astype(np.int64))].float())
            for each in (first, second)
        )
        close = (a @ b.T).numpy() >= CLOSE
        close[np.isin(first, self._specials)] = False
        close[:, np.isin(second, self._specials)] = False
        return close | (first[:, None] == second[None, :])


def _closeness(engine: Engine) -> _Closeness:
    def make() -> _Closeness:
        weights = embedding_layer(engine.checkpoints.models[-1]).weight.detach().cpu()
        return _Closeness(weights, reserved_ids(engine.checkpoints.tokenizer))

    return engine.keep("we-syn", make)


METHODS = (Synonyms(),)
