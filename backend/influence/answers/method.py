"""What an attribution method is: it scores every training example for a question, and explains the best.

Each module of `backend.influence.answers.methods` has one or more, in a tuple ``METHODS``; command line and
app list them without knowing them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backend.folder import Folder
from backend.influence.answers.explanation import Entry, WordPair
from backend.influence.answers.ranking import Ranked, Ranking
from backend.influence.answers.word_pairs import pairs_of_equal_words
from backend.progress import Progress, silent

if TYPE_CHECKING:  # torch, which a method that is registered elsewhere must not make a list wait for
    from backend.influence.answers.engine import Engine
    from backend.influence.gradients.traced import TracedExample
    from backend.model.encoded import Encoded


@dataclass(frozen=True)
class Asked:
    """A question, looked up and traced. ``texts`` are the text and, for a pair, text_b.

    ``target`` is what is traced, as losses take it (the place of a class); ``own`` the position of the query
    among the training rows, which is left out of the lists; ``damping`` None means the score's own.

    Of a language model ``texts`` is the context, ``channels`` bool (C) those that are asked, and ``fields``
    the texts of the query by field.
    """

    engine: Engine
    texts: tuple[str, ...]
    encoded: Encoded
    target: Any
    traced: TracedExample
    score: str
    k: int
    exact: bool = False
    own: int | None = None
    damping: float | None = None
    channels: np.ndarray | None = None
    fields: Sequence[str] = ()

    @property
    def language(self) -> bool:
        """Whether a language model is asked."""
        return self.engine.checkpoints.language

    @property
    def said(self) -> Sequence[str]:
        """All that is read and answered, as texts."""
        return self.fields if self.language else self.texts


@dataclass(frozen=True)
class Found:
    """What a method found; ``own`` is the query's influence on itself where it is a training example.

    ``evidence`` is what `Method.entries` needs again. ``exact``: no index, no rounding of stored rows.
    """

    ranking: Ranking
    own: float | None
    exact: bool
    evidence: object = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Placed:
    """One training example among all: ``ranked`` is it alone, with its terms.

    ``scores`` float64 (n): of every example, 0 at the query itself. ``by_rows`` bool (n): which of them are
    by stored rows, as lists are ordered; the others are the index's estimates, and stand behind those.
    """

    ranked: Ranked
    scores: np.ndarray
    by_rows: np.ndarray
    found: Found

    @property
    def sign(self) -> int:
        """1 for a proponent, -1 for an opponent, 0 where the score is 0."""
        return int(np.sign(self.scores[self._position]))

    @property
    def rank(self) -> int:
        """From the end that it counts from; with score 0 the one after the last proponent."""
        scores, at, sign = self.scores, self._position, self.sign
        if sign == 0:
            return int(np.count_nonzero(scores > 0)) + 1
        ahead = sign * scores > sign * scores[at]
        ahead[:at] |= scores[:at] == scores[at]
        if self.known:
            return int(np.count_nonzero(ahead & self.by_rows)) + 1
        return int(np.count_nonzero(ahead | (self.by_rows & (sign * scores > 0)))) + 1

    @property
    def known(self) -> bool:
        """Whether the rank is that of a list, not an estimate."""
        return bool(self.by_rows[self._position])

    def percentile(self, others: int) -> float:
        """Share of the ``others`` that rank below it, in percent."""
        if self.sign == 0:
            return 100.0 * np.count_nonzero(self.scores < 0) / others
        return 100.0 * (others - (self.rank - 1) if self.sign > 0 else self.rank - 1) / others

    @property
    def _position(self) -> int:
        return int(self.ranked.positions[0])


class Method(ABC):
    """One way to attribute. ``scores`` names the scores that it knows, the default first.

    ``own_score``: the score that is taken where none is asked for, None the first. ``words``: whether scores
    divide over words. ``limits`` says what it can't do. ``scores_all``: whether `all_scores` is quick enough
    to be asked for every query of a comparison. ``from_rows``: whether scores come from the stored gradient
    rows, with what precision and row store cost. ``language_models``: whether one that
    is registered can be asked of those (the built-in ones that can: `catalogue.OF_LANGUAGE_MODELS`).
    """

    name: str
    title: str
    formula: str
    source: str
    cost: str
    limits: str
    scores: tuple[str, ...]
    own_score: str | None = None
    words: bool = True
    scores_all: bool = True
    from_rows: bool = False
    language_models: bool = False

    @abstractmethod
    def find(self, asked: Asked) -> Found:
        """The ``asked.k`` strongest training examples of both ends."""

    @abstractmethod
    def entries(
        self,
        asked: Asked,
        found: Found,
        ranked: Ranked,
        ranks: Sequence[int],
        percentiles: Sequence[float],
    ) -> list[Entry]:
        """The examples of ``ranked`` as a person reads them."""

    def place(self, asked: Asked, position: int) -> Placed:
        """Where one training example stands among all."""
        count = len(asked.engine.train)
        found = self.find(replace(asked, k=count, exact=False))
        scores = np.zeros(count)
        for end in (found.ranking.proponents, found.ranking.opponents):
            scores[end.positions] = end.scores
        return Placed(found.ranking.at(position), scores, np.ones(count, dtype=bool), found)

    def word_pairs(self, asked: Asked, found: Found, ranked: Ranked, entry: Entry) -> list[WordPair]:
        """What each word of the query carries with each word of the one example of ``ranked``."""
        return pairs_of_equal_words(entry)

    @abstractmethod
    def all_scores(self, asked: Asked) -> np.ndarray:
        """Influence of every training example on the query: float64 (n)."""

    def is_ready(self, folder: Folder) -> bool:
        """Whether all that the method needs is there; else its first question takes as long as `prepare`."""
        return True

    def prepare(self, engine: Engine, progress: Progress = silent) -> None:  # noqa: B027
        """Compute and keep on disk what the method needs beside rows and index."""
