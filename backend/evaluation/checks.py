"""Two checks that need no retraining.

``identical-class`` (Hanawa et al. 2021): the strongest proponent of a row's own class should be of that
class. ``randomisation`` (Adebayo et al. 2018): scores of a model that was never trained should rank the
training rows differently, whatever the task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.errors import InputError
from backend.evaluation.classes import require_classes
from backend.evaluation.lds import correlations
from backend.evaluation.variants import Variant, questions, scores_of
from backend.influence.answers.engine import Engine
from backend.progress import Progress, silent

TOP = 10


@dataclass(frozen=True)
class Check:
    """``first``: share of queries whose strongest proponent has the query's label; ``top``: share of the
    first ten (both None where there are no classes); ``untrained``: rank correlation with the scores of an
    untrained model, None where not asked.
    """

    variant: str
    first: float | None
    top: float | None
    untrained: float | None


def measure_checks(
    engine: Engine,
    variants: Sequence[Variant],
    queries: int = 50,
    seed: int = 0,
    untrained: Engine | None = None,
    progress: Progress = silent,
) -> tuple[list[Check], list[str]]:
    """Both checks on eval rows drawn with ``seed``; ``untrained`` is an engine over the same rows."""
    classes = engine.task.name == "classification"
    if untrained is None:
        require_classes(engine.task.name, "identical-class")
    order = np.random.default_rng((seed, 16)).permutation(len(engine.splits["eval"]))
    places = sorted(order[:queries].tolist())
    asked = questions(engine, places)
    own = np.array([each.target for each in asked])
    train = engine.numbers("train")
    found, left_out = [], []
    other = dict(scores_of(variants, questions(untrained, places), progress)) if untrained else {}
    for variant, scores in scores_of(variants, asked, progress):
        if isinstance(scores, InputError):
            left_out.append(f"{variant.name}: {scores}")
            continue
        against = other.get(variant)
        correlation = None
        if isinstance(against, np.ndarray):
            correlation = float(correlations(scores.T, against.T).mean())
        first, top = _same_class(scores, own, train) if classes else (None, None)
        found.append(Check(variant.name, first, top, correlation))
    return found, left_out


def _same_class(scores: np.ndarray, own: np.ndarray, train: np.ndarray) -> tuple[float, float]:
    """How often the strongest rows, and the first `TOP`, are of the query's class."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    same = train[best] == own[:, None]
    return float(same[:, 0].mean()), float(same.mean())
