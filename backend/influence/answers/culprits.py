"""Words as culprits: which words carry influence on the eval rows that the model gets wrong, and where.

With Q_c(w) the rows of all misclassified eval rows added up (each traced for its own label and changed as
the score mode asks), token w of training example x carries ``sum_c <g_c(x, w), Q_c(w)>``, times the mode's
factor of x. An example's terms add up to its influence on errors in the whole-set table. One pass over the
stored rows sums the terms per token.

Of a language model the errors are the tenth of the eval rows with the largest loss per token, each asked
about with its loss as trained, the sum over its tokens. Its rows lie apart by side: a tally is of one side,
the one that the search asks (`Searcher.on`), and what a row carries on all sides adds up to its influence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from backend.data.targets.space import Numbers
from backend.influence.answers.explain import Explainer
from backend.influence.answers.search import Searcher
from backend.influence.answers.summed_query import SummedQuery, summed_query
from backend.influence.index.modes import ScoreMode
from backend.influence.rowstore import kernels
from backend.model.tokenization import Encoded
from backend.progress import Progress, silent

TOP_ROWS = 5


@dataclass(frozen=True)
class Errors:
    """The eval rows that the last checkpoint gets wrong: positions, tokens, and own targets for losses."""

    positions: list[int]
    encoded: list[Encoded]
    labels: Numbers


def misclassified(explainer: Explainer) -> Errors:
    """The errors as the table of predictions has them."""
    split, wrong = explainer.splits["eval"], np.flatnonzero(explainer.predictions("eval").wrong).tolist()
    rows = split.take(wrong)
    return Errors(wrong, explainer.checkpoints.encode(rows), explainer.space.numbers(rows.targets))


def error_query(explainer: Explainer, errors: Errors, mode: ScoreMode) -> SummedQuery:
    """Q: all errors as one query."""
    return summed_query(explainer, errors.encoded, errors.labels, mode)


def tally(searcher: Searcher, query: SummedQuery, mode: ScoreMode, progress: Progress = silent) -> TokenTally:
    """Sum the terms of every token over all training examples, one shard of rows after the other."""
    found = TokenTally(query.tokens)
    progress("words", 0, searcher.count)
    for part in shard_terms(searcher, query, mode):
        found.add(part)
        progress("words", part.positions.stop, searcher.count)
    return found


@dataclass(frozen=True)
class ShardTerms:
    """The stored rows of the examples at ``positions`` whose token the query has.

    ``slots`` int64 (r): which of the query's tokens; ``owners`` int64 (r): which example; ``terms`` float64
    (r).
    """

    positions: range
    slots: np.ndarray
    owners: np.ndarray
    terms: np.ndarray


def shard_terms(searcher: Searcher, query: SummedQuery, mode: ScoreMode) -> Iterator[ShardTerms]:
    """The term of every stored row in the channels that are asked, which are of one side: shard by shard."""
    channels = np.flatnonzero(searcher.asked).tolist()  # of one side: an example has the same tokens in each
    stores, rows = [searcher.stores[each] for each in channels], query.rows[channels]
    factors, table = searcher.factors(mode), query.slot_table(searcher.vocabulary)
    table[query.tokens[~rows.any(axis=(0, 2))]] = -1
    for number, positions in enumerate(stores[0].spans):
        shards = [store.shards[number] for store in stores]
        terms = np.zeros(len(shards[0].tokens))
        for shard, own in zip(shards, rows, strict=True):
            kernels.add_row_terms(shard.codes, shard.scales, shard.tokens, table, own, terms)
        slots = table[shards[0].tokens]
        owners = positions.start + shards[0].owners
        asked = np.flatnonzero(slots >= 0)
        terms *= factors[owners]
        for shard in shards:
            shard.release()
        yield ShardTerms(positions, slots[asked], owners[asked], terms[asked])


class TokenTally:
    """What each of T tokens carries over all training examples seen so far.

    ``tokens`` int64 (T); ``harmful`` and ``helpful`` float64 (T), the sums of negative and of positive terms;
    ``counts`` int64 (T), how many training examples have the token. ``worst`` and ``best``: the training
    examples in which it does most harm, and most good.
    """

    def __init__(self, tokens: np.ndarray) -> None:
        count = len(tokens)
        self.tokens = tokens
        self.harmful, self.helpful = np.zeros(count), np.zeros(count)
        self.counts = np.zeros(count, dtype=np.int64)
        self.worst, self.best = Strongest(count), Strongest(count, -1)

    def add(self, part: ShardTerms) -> None:
        """Take the terms of further examples into account."""
        count = len(self.tokens)
        self.harmful += np.bincount(part.slots, np.minimum(part.terms, 0), minlength=count)
        self.helpful += np.bincount(part.slots, np.maximum(part.terms, 0), minlength=count)
        self.counts += np.bincount(part.slots, minlength=count)
        self.worst.add(part)
        self.best.add(part)


class Strongest:
    """Of each of T tokens the training examples with the lowest terms times ``sign``, as far as below 0.

    ``positions`` int64 (T, k) and ``terms`` float64 (T, k): the lowest first, -1 and 0 where there are fewer.
    """

    def __init__(self, count: int, sign: int = 1) -> None:
        self._sign = sign
        self.positions = np.full((count, TOP_ROWS), -1, dtype=np.int64)
        self.terms = np.zeros((count, TOP_ROWS))

    def add(self, part: ShardTerms) -> None:
        """Take the terms of further examples into account."""
        before, places = np.nonzero(self.terms)
        counts = self._sign * part.terms < 0
        slots = np.concatenate([before, part.slots[counts]])
        owners = np.concatenate([self.positions[before, places], part.owners[counts]])
        terms = np.concatenate([self.terms[before, places], part.terms[counts]])
        order = np.lexsort((owners, self._sign * terms, slots))
        slots, owners, terms = slots[order], owners[order], terms[order]
        place = np.arange(len(slots)) - np.searchsorted(slots, slots)
        kept = place < TOP_ROWS
        self.positions[slots[kept], place[kept]] = owners[kept]
        self.terms[slots[kept], place[kept]] = terms[kept]
