"""Strategies of `retrain --strategy`: each makes a trial from a workspace. One registry, one file each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from backend.data.dataset import Split
from backend.data.targets.registry import space_of
from backend.data.targets.space import Space
from backend.errors import InputError
from backend.folder import Folder
from backend.manifest import TaskName
from backend.scores.context import Context
from backend.trials.arm import Rows, Trial
from backend.trials.decision_mark import target_array

if TYPE_CHECKING:  # torch, which a list of strategies must not wait for
    from backend.trials.recipes.guide import Guide

GUIDE_SHARE = 0.3


@dataclass(frozen=True)
class StrategyContext:
    """What strategies read. ``scores`` gives models, embeddings and splits; ``options`` what was asked for.

    ``guide`` int64: places of eval rows that a method may follow; ``measured`` int64: all others, which alone
    judge it.
    """

    scores: Context
    guide: np.ndarray
    measured: np.ndarray
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def train(self) -> Split:
        """The training rows."""
        return self.scores.train

    @property
    def space(self) -> Space:
        """What targets can be."""
        return space_of(self.scores.manifest.task)

    @cached_property
    def everything(self) -> Rows:
        """All training rows with the targets that they came with."""
        return self.chosen(np.arange(len(self.train)))

    def chosen(self, rows: np.ndarray, evaluation: np.ndarray | None = None) -> Rows:
        """The training rows at places int64, and perhaps some of the eval rows."""
        targets = target_array(self.train.labels)[rows]
        return Rows(rows, targets) if evaluation is None else Rows(rows, targets, evaluation)

    @cached_property
    def strata(self) -> np.ndarray:
        """int64 (n): which training rows are alike, such as those of a class."""
        return self.space.strata(self.train.labels)

    @cached_property
    def guide_rows(self) -> Guide:
        """The guide as examples."""
        from backend.trials.recipes.guide import Guide

        return Guide.of(self.scores.evaluation.take(self.guide), self.space)


@dataclass(frozen=True)
class Strategy:
    """``title``: what people see. ``options`` names what it takes beside the common ones, with defaults and
    what they mean, and ``choices``, of some, the values there are.

    ``arms`` gives from options and the size of the guide (over that of the training split) the arms of its
    trial, and what each trains on, over the training split: for a forecast, before anything is computed.
    ``tasks``: those that it serves, None: every one but those of ``not_for``. ``task_defaults``: of options
    whose default is another for a task. ``needs_index``: whether it reads influence. ``check`` raises
    `InputError` from the options where a workspace can't have the trial, for a plan and a refusal before
    anything is loaded.
    """

    name: str
    title: str
    summary: str
    source: str
    trial: Callable[[StrategyContext], Trial]
    arms: Callable[[dict[str, Any], float], dict[str, float]]
    options: dict[str, tuple[Any, str]] = field(default_factory=dict)
    guided: bool = True  # whether it follows a guide, so that only the other eval rows may measure
    tasks: tuple[TaskName, ...] | None = ("classification",)
    not_for: tuple[TaskName, ...] = ()
    task_defaults: dict[TaskName, dict[str, Any]] = field(default_factory=dict)
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    needs_index: bool = False
    check: Callable[[Folder, dict[str, Any]], None] = lambda folder, options: None

    def serves(self, task: TaskName) -> bool:
        """Whether it can be tried on a task."""
        return task not in self.not_for if self.tasks is None else task in self.tasks

    def served(self) -> str:
        """The tasks that it serves, in words."""
        if self.tasks is None:
            return "every" + (f" but {' and '.join(self.not_for)}" if self.not_for else "")
        return ", ".join(self.tasks)

    def options_for(self, task: TaskName) -> dict[str, tuple[Any, str]]:
        """``options`` with the defaults of a task."""
        own = self.task_defaults.get(task, {})
        return {name: (own.get(name, default), means) for name, (default, means) in self.options.items()}


def divided_eval(
    strata: np.ndarray, share: float, seed: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Guide and measured rows: places, ascending, of every stratum the same share in the guide.

    ``groups`` int64 (n): rows of equal text; a row whose text stands in the guide does not measure.
    `InputError` where the share is not between 0 and 1 or leaves too few rows for either.
    """
    from backend.trials.recipes.guide import LEAST

    if not 0 < share < 1:
        raise InputError(f"--guide {share}: must be above 0 and below 1, such as {GUIDE_SHARE}")
    order = np.random.default_rng((seed, 4)).permutation(len(strata))
    chosen = [
        own[: round(share * len(own))]
        for stratum in np.unique(strata)
        for own in [order[strata[order] == stratum]]
    ]
    guide = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *chosen]))
    own = np.arange(len(strata)) if groups is None else groups
    measured = np.flatnonzero(~np.isin(own, own[guide]))
    if len(guide) < LEAST or len(measured) < LEAST:
        raise InputError(
            f"--guide {share}: of {len(strata)} eval rows {len(guide)} are the guide and "
            f"{len(measured)} measure; both need at least {LEAST}"
        )
    return guide, measured
