"""Training examples in the order of their influence, with what each word of the query adds to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ranked:
    """Training examples in rank order: ``positions`` int64 (k), ``terms`` float64 (k, T).

    ``factors`` float64 (k) is what the mode multiplied each example's products with; terms contain it.
    ``partners`` int64 (k, T): the token of each example that a query token was matched with, -1 for none;
    None where every token is matched with itself.
    """

    positions: np.ndarray
    terms: np.ndarray
    factors: np.ndarray
    partners: np.ndarray | None = None

    @property
    def scores(self) -> np.ndarray:
        """Influence of each example: its terms' sum, float64 (k)."""
        return self.terms.sum(axis=1)

    @classmethod
    def joined(cls, first: Ranked, second: Ranked) -> Ranked:
        """The examples of ``first``, then those of ``second``."""
        return cls(
            np.concatenate([first.positions, second.positions]),
            np.concatenate([first.terms, second.terms]),
            np.concatenate([first.factors, second.factors]),
            None
            if first.partners is None or second.partners is None
            else np.concatenate([first.partners, second.partners]),
        )

    def at(self, chosen: np.ndarray) -> Ranked:
        """The examples at these places, in this order."""
        partners = None if self.partners is None else self.partners[chosen]
        return Ranked(self.positions[chosen], self.terms[chosen], self.factors[chosen], partners)


@dataclass(frozen=True)
class Ranking:
    """The top of both ends. ``n_scored`` examples were scored to find them."""

    proponents: Ranked
    opponents: Ranked
    n_scored: int

    @classmethod
    def by_scores(cls, scores: np.ndarray, k: int) -> Ranking:
        """The ``k`` strongest of each end by ``scores`` float64 (n), as one term each."""
        every = Ranked(np.arange(len(scores)), scores[:, None], np.ones(len(scores)))
        return cls.of(every, k, len(scores))

    @property
    def positions(self) -> np.ndarray:
        """All examples of both ends, ascending: int64."""
        return np.sort(np.concatenate([self.proponents.positions, self.opponents.positions]))

    def at(self, position: int) -> Ranked:
        """One example of a ranking of all, alone; one in neither list has score 0 and no terms."""
        for each in (self.proponents, self.opponents):
            found = np.flatnonzero(each.positions == position)
            if len(found):
                return each.at(found)
        known = self.proponents
        nothing = np.zeros((1, known.terms.shape[1]))
        partners = None if known.partners is None else np.full(nothing.shape, -1, dtype=np.int64)
        return Ranked(np.array([position]), nothing, np.ones(1), partners)

    @classmethod
    def of(cls, scored: Ranked, k: int, n_scored: int) -> Ranking:
        """The ``k`` strongest of each end among ``scored`` (ascending positions); score 0 is neither."""
        scores = scored.scores
        return cls(scored.at(strongest(scores, k)), scored.at(strongest(-scores, k)), n_scored)


def strongest(scores: np.ndarray, k: int) -> np.ndarray:
    """Places of the ``k`` largest positive scores, descending, ties by place: int64."""
    found = np.flatnonzero(scores > 0)
    if k < len(found):
        values = scores[found]
        found = found[values >= np.partition(values, len(found) - k)[len(found) - k]]
    return found[np.argsort(-scores[found], kind="stable")][:k]


def both_ends(scores: np.ndarray, k: int) -> np.ndarray:
    """Places of the ``k`` strongest of either end, ascending: int64."""
    return np.union1d(strongest(scores, k), strongest(-scores, k))
