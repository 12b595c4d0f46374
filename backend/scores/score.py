"""What a score is: a column of numbers, one per training row, and how it is read.

A producer makes one or more scores in one pass. Every module of `backend.scores.producers` has one, named
``PRODUCER``; command line and app list it without knowing it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from backend.manifest import TaskName
from backend.tasks.heads import CAUSAL_LM

if TYPE_CHECKING:
    from backend.folder import Folder
    from backend.scores.context import Context
    from backend.scores.settings import ScoreSettings

CLASSIFICATION: tuple[TaskName, ...] = ("classification",)
LANGUAGE: tuple[TaskName, ...] = (CAUSAL_LM,)
Serves = Literal["suspect label", "redundant", "hard", "off-domain"]
LABEL: Final = "suspect label"
Columns = dict[str, "np.ndarray | Sequence[Any]"]


def serves_word(serves: str, task: TaskName) -> str:
    """What is looked for, as people call it: the rows of a language model have answers, not labels."""
    return "suspect answer" if serves == LABEL and task in LANGUAGE else serves


@dataclass(frozen=True)
class Score:
    """One column. ``suspect`` is the end that asks for a look; ``high`` says what a high value means.

    ``sentence`` tells a person about one row: a format string over the columns of the producer's table.
    ``beyond``: a value up to which the score is no reason to look at a row, however it ranks;
    ``is_reason``: whether it ever is one; ``absolute``: all beyond the limit are, however many they are.
    ``within_class``: values of different classes can't be compared, since a rare class is hard to learn:
    ranks are taken among the rows of one label (of one stratum, where labels are sets or numbers).
    ``if_true``: a column of truth values that must hold where the score is to be a reason.
    ``tasks``: for which it is made; None: for those of its producer; ``but``: never for these.
    """

    name: str
    title: str
    high: str
    serves: Serves
    suspect: Literal["high", "low"]
    formula: str
    source: str
    sentence: str = ""
    beyond: float | None = None
    is_reason: bool = True
    absolute: bool = False
    within_class: bool = False
    if_true: str | None = None
    tasks: tuple[TaskName, ...] | None = None
    but: tuple[TaskName, ...] = ()

    def suspicion(self, values: np.ndarray) -> np.ndarray:
        """The values turned so that high asks for a look: float64 (n), NaN where there is none."""
        return values.astype(np.float64) * (1 if self.suspect == "high" else -1)


@dataclass(frozen=True)
class Producer:
    """One pass over the data that makes ``scores``.

    ``inputs`` names the artifacts that it reads, ``uses`` the fields of `ScoreSettings` that change its
    result. ``tasks``: which ones it serves, None: every one ``but`` those. ``compute`` returns a column for
    each score of the workspace's task and any others that sentences need (labels or ids of other rows, as
    strings); all have one value per training row, in order. ``content`` identifies what else the result
    depends on and may change, such as decisions. ``version`` changes with the way of computing.
    ``reads_eval``: eval rows have a say, unless the settings name another target or clean set.
    ``hindrance``: why it can't be had of these rows, such as too few of them; None where it can.
    ``combines``: it is made from the tables of others, after them, whenever one of them is.
    """

    name: str
    scores: tuple[Score, ...]
    cost: str
    compute: Callable[[Context], Columns]
    inputs: Callable[[Folder], tuple[str, ...]] | tuple[str, ...] = ("data",)
    uses: tuple[str, ...] = ()
    default: bool = True
    content: Callable[[Folder, ScoreSettings], str | None] | None = None
    hindrance: Callable[[Folder, ScoreSettings], str | None] | None = None
    version: int = 1
    reads_eval: bool = False
    combines: bool = False
    tasks: tuple[TaskName, ...] | None = CLASSIFICATION
    but: tuple[TaskName, ...] = ()

    def scores_for(self, task: TaskName) -> tuple[Score, ...]:
        """Those that it makes for a task."""
        asked = [(each, self.tasks if each.tasks is None else each.tasks) for each in self.scores]
        return tuple(
            score
            for score, tasks in asked
            if (tasks is None or task in tasks) and task not in (*self.but, *score.but)
        )

    def why_not(self, folder: Folder, settings: ScoreSettings) -> str | None:
        """Why it can't be had in this workspace, None if it can; loads no model."""
        return self.hindrance(folder, settings) if self.hindrance else None

    def inputs_of(self, folder: Folder) -> tuple[str, ...]:
        """The artifacts that it reads in this workspace."""
        return self.inputs(folder) if callable(self.inputs) else self.inputs
