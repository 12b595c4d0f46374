"""What the targets of a task are, from a column of a source on; every task has one kind.

A module of this package with a ``KIND`` is found by `backend.data.targets.registry`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from backend.data.class_naming import Naming
from backend.data.columns import Columns
from backend.data.examples import Examples
from backend.data.remark import Place, Remark
from backend.data.targets.codec import TargetCodec
from backend.data.targets.space import Space
from backend.manifest import TaskInfo, TaskName

if TYPE_CHECKING:
    from backend.data.validate import Usable


class TargetKind(ABC):
    """Targets of one task. ``named``: what the names of a `TaskInfo` are called, "" where it has none.

    ``target``, ``read``: what is learnt of a row and what is read of it, in a word.
    """

    task: TaskName
    named: str = ""
    target: str = "label"
    read: str = "text"

    @abstractmethod
    def codec(self, columns: Columns, schema: pa.Schema, file: str) -> TargetCodec:
        """How the target columns hold targets; `InputError` for types that can't."""

    @abstractmethod
    def info(self, part: Usable, columns: Columns, naming: Naming) -> TaskInfo:
        """What there is to learn from the training rows; `InputError` where that is nothing, or too much."""

    @abstractmethod
    def space(self, info: TaskInfo) -> Space:
        """What targets can be."""

    def labels(self, target: str) -> tuple[str, ...]:
        """The names that a target holds."""
        return ()

    def unknown(self, info: TaskInfo, target: str, present: set[str]) -> str | None:
        """Why an eval row of this target can't be used, train having the names ``present``; None: it can."""
        return None

    def described(self, info: TaskInfo, targets: Sequence[str]) -> str:
        """One line about the targets of the training rows; "" where counts of names say it all."""
        return ""

    def summary(self, info: TaskInfo, rows: Examples) -> str:
        """`described`, of tasks where it takes more than targets."""
        return self.described(info, rows.targets)

    def sizes(self, rows: Examples) -> dict[str, int]:
        """How many parts the training rows have, by what these are called: kept with the data."""
        return {}

    def noticed(self, rows: Examples, place: Place) -> list[Remark]:
        """What is noticed in single rows."""
        return []

    def remarks(
        self, info: TaskInfo, train: Mapping[str, int], evaluated: Mapping[str, int] | None
    ) -> list[Remark]:
        """What is noticed beside spellings and cells; ``train``, ``evaluated``: rows of each name."""
        return []
