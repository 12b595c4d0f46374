"""Influence of groups of training rows on one question, or on all eval rows: sums of the rows' influences.

A group's ``total`` is what all its rows together did, in the units of `explain`; its ``mean`` that of one
row, with the standard error of drawing rows. Of a language model each side is told by itself (`explain
--side`), and so are template tokens. Made from stored rows: every training row counts, not the strongest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backend.audit.hindrances import no_sources
from backend.audit.sources import source_names
from backend.errors import InputError
from backend.influence.answers.defaults import DEFAULT_METHOD, DEFAULT_SCORE
from backend.influence.answers.explain import Explainer
from backend.influence.answers.question import Question
from backend.influence.answers.summed_query import apart, summed_query
from backend.influence.gradients.sides import channels_by_side
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.modes import ScoreMode, score_mode


@dataclass(frozen=True)
class SourceInfluence:
    """What the ``rows`` training rows of a ``source`` did on a ``side`` (as sides of gradients are named).

    Above 0 they lowered the loss of what is asked about. ``standard_error`` None: of a single row.
    """

    source: str
    side: str
    rows: int
    total: float
    mean: float
    standard_error: float | None


def source_influence(
    explainer: Explainer, question: Question | None = None, score: str = DEFAULT_SCORE
) -> list[SourceInfluence]:
    """Of all sources on every side, by side, the most helpful first; without a training row asked about.

    ``question`` None: the mean loss of the eval rows. Raises `InputError` where there are no two sources, or
    the question makes no sense.
    """
    why_not = no_sources(explainer.train)
    if why_not is not None:
        raise InputError(why_not)
    mode, names = score_mode(score), np.array(source_names(explainer.train), dtype=object)
    channels, found = channels_by_side(explainer.checkpoints.channels), []
    own, queries = _queries(explainer, question, mode)
    for side, query in queries:
        searcher = explainer.searcher.on(channels[side])
        values = searcher.many_scores([query])[0] * searcher.factors(mode)
        counted = np.arange(len(values)) != own
        found += sorted(
            _of_side(names[counted], values[counted], side), key=lambda each: (-each.total, each.source)
        )
    return found


def _queries(
    explainer: Explainer, question: Question | None, mode: ScoreMode
) -> tuple[int | None, Iterator[tuple[str, TracedExample]]]:
    """Place of the training row that is asked about, and by side what searches take."""
    checkpoints = explainer.checkpoints
    if question is None:
        split = explainer.splits["eval"]
        encoded = checkpoints.encode(split.examples)
        whole = summed_query(explainer, encoded, explainer.numbers("eval"), mode, 1 / max(len(split), 1))
        sides = channels_by_side(checkpoints.channels)
        return None, ((side, whole.on(channels)) for side, channels in sides.items())
    if question.method != DEFAULT_METHOD:
        raise InputError(f"--method {question.method}: the influence of sources is by {DEFAULT_METHOD}")
    asked = explainer.ask_everywhere(question)
    return asked.own, (
        (side, explainer.searcher.ask(each, mode)) for side, each in apart(checkpoints, asked.traced).items()
    )


def _of_side(names: np.ndarray, values: np.ndarray, side: str) -> Iterator[SourceInfluence]:
    for source in sorted(set(names.tolist())):
        own: Sequence[float] = values[names == source]
        count = len(own)
        error = float(np.std(own, ddof=1)) / count**0.5 if count > 1 else None
        yield SourceInfluence(source, side, count, float(np.sum(own)), float(np.mean(own)), error)
