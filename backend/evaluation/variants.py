"""Variants: a method, one of its scores, and a damping; and their scores of all training rows for queries."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from backend.errors import InputError
from backend.influence.answers.asked_row import asked_row
from backend.influence.answers.engine import Engine
from backend.influence.answers.method import Asked
from backend.influence.answers.registry import method_named, methods_of, score_named, scores_serving
from backend.manifest import TaskName
from backend.progress import Progress, silent, track


@dataclass(frozen=True)
class Variant:
    """A method with a score.

    Parameters
    ----------
    method
        A name that `firstword methods` lists.
    score
        One of its scores.
    damping
        None: the score's own.

    Examples
    --------
    >>> from firstword.settings import Variant
    >>> Variant("we", "dot").method
    'we'
    """

    method: str
    score: str
    damping: float | None = None

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.method} {self.score}" + ("" if self.damping is None else f" x{self.damping:g}")


def all_variants(task: TaskName = "classification") -> list[Variant]:
    """Every method with every score, where all training rows can be scored for many queries."""
    return [
        Variant(method.name, score)
        for method in methods_of(task).values()
        if method.scores_all
        for score in scores_serving(method, task)
    ]


def parsed(names: Sequence[str]) -> list[Variant]:
    """From ``we``, ``we:ekfac`` or ``we:ekfac:10``; `InputError` for anything else."""
    found = []
    for name in names:
        method, _, rest = name.partition(":")
        score, _, damping = rest.partition(":")
        chosen = method_named(method)
        try:
            number = float(damping) if damping else None
        except ValueError:
            number = math.nan
        if number is not None and not 0 < number < math.inf:
            raise InputError(f"--method {name}: damping {damping} must be a number above 0")
        found.append(Variant(method, score_named(chosen, score or None), number))
    return found


def questions(engine: Engine, places: Sequence[int]) -> list[Asked]:
    """Eval rows asked about with their own target."""
    numbers = engine.numbers("eval")
    return [asked_row(engine, "eval", place, numbers[place], "dot", 10) for place in places]


def scores_of(
    variants: Sequence[Variant], asked: Sequence[Asked], progress: Progress = silent
) -> Iterator[tuple[Variant, np.ndarray | InputError]]:
    """Influence of every training row on every query, float64 (q, n), or why there is none."""
    for variant in track(variants, "scoring", len(variants), progress):
        method = method_named(variant.method)
        try:
            rows = [
                method.all_scores(replace(each, score=variant.score, damping=variant.damping))
                for each in asked
            ]
        except InputError as error:
            yield variant, error
        else:
            yield variant, np.stack(rows)
