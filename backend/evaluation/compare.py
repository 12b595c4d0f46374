"""The protocol ``compare``: how alike the lists of all methods and scores are, and what they cost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import spearmanr

from backend.errors import InputError
from backend.influence.answers.asked_row import asked_row
from backend.influence.answers.engine import Engine
from backend.influence.answers.method import Asked, Method
from backend.influence.answers.registry import (
    DEFAULT_METHOD,
    all_methods,
    method_named,
    methods_of,
    scores_serving,
)
from backend.progress import Progress, silent, track

TOP = 10


@dataclass(frozen=True)
class Comparison:
    """One method and score against the first of `backend.influence.answers.registry`, means over the queries.

    ``proponents``, ``opponents``: share of its top 10 that is in the other's. ``correlation``: Spearman's,
    over all training examples, None where scoring all of them takes too long. ``same_label``: share of its
    proponents whose label is the explained class (None where there are no classes). ``distinct``: different
    examples in all its lists of proponents, over the most there can be. ``milliseconds``: median time to
    find both lists. The query's gradient at the word embeddings is made before, once for all methods; what
    else a method computes of the query is in its time.
    """

    method: str
    score: str
    proponents: float
    opponents: float
    correlation: float | None
    same_label: float | None
    distinct: float
    milliseconds: float


def compare_methods(
    engine: Engine,
    queries: int = 20,
    seed: int = 0,
    only: Sequence[str] = (),
    progress: Progress = silent,
) -> tuple[list[Comparison], list[str]]:
    """Compare all methods and scores, or those of the methods in ``only``, on eval rows drawn with ``seed``.

    Each row is explained for its predicted class. Returns also a line for each that can't be had here.
    Raises `InputError` for an unknown method.
    """
    for name in only:
        method_named(name)
    asked = list(_questions(engine, queries, seed))
    language = engine.checkpoints.language
    reference = _Lists.of(all_methods()[DEFAULT_METHOD], asked)
    chosen = [
        (method, score)
        for method in methods_of(engine.task.name).values()
        if not only or method.name in only
        for score in (scores_serving(method, engine.task.name) if language else method.scores)
    ]
    found, left_out = [], []
    for method, score in track(chosen, "methods", len(chosen), progress):
        try:
            method.prepare(engine, progress)
            lists = _Lists.of(method, [replace(each, score=score) for each in asked])
        except InputError as error:
            left_out.append(f"{method.name} {score}: {error}")
            continue
        found.append(_compared(engine, method.name, score, lists, reference, asked))
    return found, left_out


@dataclass(frozen=True)
class _Lists:
    """What a method finds for every query: lists of positions, all scores (n), and the time it took."""

    proponents: list[np.ndarray]
    opponents: list[np.ndarray]
    scores: list[np.ndarray] | None
    milliseconds: list[float]

    @classmethod
    def of(cls, method: Method, asked: Sequence[Asked]) -> _Lists:
        method.find(asked[0])  # loads what the method keeps
        rankings, times = [], []
        for each in asked:
            start = time.perf_counter()
            rankings.append(method.find(each).ranking)
            times.append(1000 * (time.perf_counter() - start))
        return cls(
            [each.proponents.positions for each in rankings],
            [each.opponents.positions for each in rankings],
            [method.all_scores(each) for each in asked] if method.scores_all else None,
            times,
        )


def _questions(engine: Engine, queries: int, seed: int) -> Iterator[Asked]:
    split = engine.splits["eval"]
    drawn = np.random.default_rng(seed).permutation(len(split))[:queries]
    for position in drawn.tolist():
        outputs = engine.predictions("eval").outputs[position]
        target = engine.task.choice(engine.space, outputs, None).number
        yield asked_row(engine, "eval", position, target, all_methods()[DEFAULT_METHOD].scores[0], TOP)


def _compared(
    engine: Engine,
    method: str,
    score: str,
    lists: _Lists,
    reference: _Lists,
    asked: Sequence[Asked],
) -> Comparison:
    classes, labels = engine.task.name == "classification", engine.numbers("train")
    same = [
        float(np.mean(labels[found] == each.target))
        for found, each in zip(lists.proponents, asked, strict=True)
        if len(found) and classes
    ]
    shown = [position for each in lists.proponents for position in each.tolist()]
    return Comparison(
        method=method,
        score=score,
        proponents=_overlap(lists.proponents, reference.proponents),
        opponents=_overlap(lists.opponents, reference.opponents),
        correlation=_mean_correlation(lists.scores, reference.scores),
        same_label=(float(np.mean(same)) if same else 0.0) if classes else None,
        distinct=len(set(shown)) / min(len(shown), len(labels)) if shown else 0.0,
        milliseconds=float(np.median(lists.milliseconds)),
    )


def _overlap(found: Sequence[np.ndarray], reference: Sequence[np.ndarray]) -> float:
    shares = [
        len(np.intersect1d(one, other)) / len(other)
        for one, other in zip(found, reference, strict=True)
        if len(other)
    ]
    return float(np.mean(shares)) if shares else 1.0


def _mean_correlation(
    found: Sequence[np.ndarray] | None, reference: Sequence[np.ndarray] | None
) -> float | None:
    if found is None or reference is None:
        return None
    return float(np.mean([_correlation(*pair) for pair in zip(found, reference, strict=True)]))


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if not np.ptp(one) or not np.ptp(other):
        return 0.0
    return float(spearmanr(one, other).statistic)
