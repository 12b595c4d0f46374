"""One training row, word by word: its influence on errors, and its alignment with the clean set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backend.influence.answers.about_answer import DEFAULT_SIDE, Side, asked_channels
from backend.influence.answers.conversation_entries import ConversationEntries
from backend.influence.answers.culprits import error_query, misclassified
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.influence.answers.entries import EntryBuilder
from backend.influence.answers.explain import Explainer
from backend.influence.answers.explanation import TokenScore, WordScore
from backend.influence.answers.instead_query import instead_query
from backend.influence.answers.summed_query import SummedQuery, summed_query
from backend.influence.index.modes import ScoreMode, score_mode
from backend.scores.clean_set import clean_set
from backend.scores.context import Context


@dataclass(frozen=True)
class RowWords:
    """One training row word by word: ``words`` plus ``special`` add up to ``score``, and so do ``tokens``."""

    id: str
    label: str
    score: float
    tokens: list[TokenScore]
    words: list[WordScore]
    special: float


@dataclass(frozen=True)
class Sides:
    """What counts of a language model's row; other tasks have one side.

    Parameters
    ----------
    side
        Of words that are read, written, or both.
    template
        Whether tokens of the template count, too.
    instead
        Only what is written where errors write another word.

    Examples
    --------
    >>> from firstword.settings import Sides
    >>> Sides(template=True).instead
    False
    """

    side: Side = DEFAULT_SIDE
    template: bool = False
    instead: bool = False


DEFAULT_SIDES = Sides()


def words_of_row(
    explainer: Explainer, row: str, score: str = DEFAULT_SCORE, sides: Sides = DEFAULT_SIDES
) -> RowWords:
    """A training row's influence on the errors (see `backend.influence.answers.culprits`), word by word."""
    mode = score_mode(score)

    def make() -> SummedQuery:
        errors = misclassified(explainer)
        if sides.instead:
            return instead_query(explainer, errors.encoded, mode)
        return error_query(explainer, errors, mode)

    named = "what is written instead of errors" if sides.instead else "errors"
    return _row_words(explainer, row, explainer.keep(f"{named} in {mode.name}", make), mode, sides)


def aligned_words_of_row(context: Context, row: str, sides: Sides = DEFAULT_SIDES) -> RowWords:
    """A training row's alignment with the clean set's mean loss at the word embeddings, word by word.

    ``sum_c eta_c <g_c(x, w), V_c(w)>``, V_c the gradient of that loss.
    """
    explainer, mode = context.explainer, score_mode("dot")
    clean = clean_set(context)

    def make() -> SummedQuery:
        encoded = explainer.checkpoints.encode(clean.examples)
        labels = explainer.space.numbers(clean.examples.targets)
        return summed_query(explainer, encoded, labels, mode, 1 / len(clean))

    return _row_words(explainer, row, explainer.keep(f"clean set {clean.mark}", make), mode, sides)


def _row_words(explainer: Explainer, row: str, query: SummedQuery, mode: ScoreMode, sides: Sides) -> RowWords:
    train, searcher, checkpoints = explainer.train, explainer.searcher, explainer.checkpoints
    place = np.array([train.position(row)])
    if checkpoints.language:
        channels = asked_channels(checkpoints.channels, sides.side, sides.template)
        asked = query.on(channels)
        ranked = searcher.on(channels).scored(asked, mode, place)
        builder = ConversationEntries(checkpoints, searcher.stores, train, asked, "", ())
        (entry,) = builder.build(ranked, [1], [0.0])
    else:
        ranked = searcher.scored(query, mode, place)
        (entry,) = EntryBuilder(checkpoints, searcher.stores, train, query, ()).build(ranked, [1], [0.0])
    return RowWords(entry.id, entry.label, entry.score, entry.tokens, entry.words, entry.special)
