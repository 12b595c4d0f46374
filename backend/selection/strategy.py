"""Strategies of `retrain --strategy`: each makes a trial from a workspace. One registry, one file each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backend.data.dataset import Split
from backend.errors import InputError
from backend.retraining.arm import Rows, Trial
from backend.scores.context import Context
from backend.selection.guide import LEAST, Guide

GUIDE_SHARE = 0.3


@dataclass(frozen=True)
class StrategyContext:
    """What strategies read. ``scores`` gives models, embeddings and splits; ``options`` what was asked for.

    ``guide`` int64: places of eval rows that a method may follow; ``measured`` int64: all others, which alone
    judge it.
    """

    scores: Context
    given: np.ndarray
    guide: np.ndarray
    measured: np.ndarray
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def train(self) -> Split:
        """The training rows."""
        return self.scores.train

    @property
    def everything(self) -> Rows:
        """All training rows with the labels in force."""
        return Rows(np.arange(len(self.given)), self.given)

    @property
    def guide_rows(self) -> Guide:
        """The guide as examples."""
        return Guide(self.scores.evaluation.take(self.guide))


@dataclass(frozen=True)
class Strategy:
    """``options`` names what it takes beside the common ones, with defaults and what they mean.

    ``arms`` gives from options and the size of the guide (over that of the training split) the arms of its
    trial, and what each trains on, over the training split: for a forecast, before anything is computed.
    """

    name: str
    summary: str
    source: str
    trial: Callable[[StrategyContext], Trial]
    arms: Callable[[dict[str, Any], float], dict[str, float]]
    options: dict[str, tuple[Any, str]] = field(default_factory=dict)
    guided: bool = True  # whether it follows a guide, so that only the other eval rows may measure


def divided_eval(
    labels: np.ndarray, share: float, seed: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Guide and measured rows: places, ascending, of every class the same share in the guide.

    ``groups`` int64 (n): rows of equal text; a row whose text stands in the guide does not measure.
    `InputError` where the share is not between 0 and 1 or leaves too few rows for either.
    """
    if not 0 < share < 1:
        raise InputError(f"--guide {share}: must be above 0 and below 1, such as {GUIDE_SHARE}")
    order = np.random.default_rng((seed, 4)).permutation(len(labels))
    chosen = [
        own[: round(share * len(own))]
        for label in np.unique(labels)
        for own in [order[labels[order] == label]]
    ]
    guide = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *chosen]))
    own = np.arange(len(labels)) if groups is None else groups
    measured = np.flatnonzero(~np.isin(own, own[guide]))
    if len(guide) < LEAST or len(measured) < LEAST:
        raise InputError(
            f"--guide {share}: of {len(labels)} eval rows {len(guide)} are the guide and "
            f"{len(measured)} measure; both need at least {LEAST}"
        )
    return guide, measured
