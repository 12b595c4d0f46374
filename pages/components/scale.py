"""From a word's score to the strength of its colour: one scale for a whole result list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backend.influence.answers.explanation import Entry, Explanation

HELPS = (0, 114, 178)  # blue and vermillion of Okabe and Ito: told apart with any kind of colour vision
HARMS = (213, 94, 0)
FULL_ALPHA = 0.55  # up to here the theme's text colour stays readable on top, light and dark
FAINTEST = 0.04  # of the limit: weaker words stay without colour


@dataclass(frozen=True)
class ColourScale:
    """Symmetric around zero; ``limit`` is the |score| from which on the colour is full."""

    limit: float

    @classmethod
    def of(cls, scores: Iterable[float]) -> ColourScale:
        """The 99th percentile of |score|, so that one extreme word does not bleach all others."""
        ordered = sorted(abs(each) for each in scores)
        return cls(ordered[int(0.99 * (len(ordered) - 1))] if ordered else 0.0)

    def alpha(self, score: float) -> float:
        """The opacity of the colour, 0 to `FULL_ALPHA`."""
        if self.limit <= 0 or abs(score) < FAINTEST * self.limit:
            return 0.0
        return FULL_ALPHA * min(abs(score) / self.limit, 1.0)

    def colour(self, score: float) -> str | None:
        """A CSS colour; None where the score is too small to show."""
        alpha = self.alpha(score)
        if not alpha:
            return None
        red, green, blue = HELPS if score > 0 else HARMS
        return f"rgba({red},{green},{blue},{alpha:.3f})"


def list_scale(explanation: Explanation) -> ColourScale:
    """The scale of both lists of an explanation, over the words of both texts of every pair."""
    return ColourScale.of(score for entry in all_entries(explanation) for score in _word_scores(entry))


def all_entries(explanation: Explanation) -> list[Entry]:
    """Helpful, then harmful."""
    return [*explanation.proponents, *explanation.opponents]


def _word_scores(entry: Entry) -> list[float]:
    return [word.score for word in (*entry.words, *entry.query_words)]
