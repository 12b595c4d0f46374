"""Numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from backend.data.class_naming import Naming
from backend.data.columns import Columns
from backend.data.remark import Remark
from backend.data.targets.codec import TargetCodec
from backend.data.targets.kind import TargetKind
from backend.data.targets.names import place
from backend.data.targets.number_cells import NumberCodec
from backend.data.targets.number_space import NumberSpace, as_target
from backend.errors import InputError
from backend.manifest import TaskInfo

if TYPE_CHECKING:
    from backend.data.validate import Usable

_LARGE = 100  # a model starts near 0


class RealNumbers(TargetKind):
    """A `TaskInfo` has no names, but a range."""

    task = "regression"

    def codec(self, columns: Columns, schema: pa.Schema, file: str) -> TargetCodec:
        """One number a cell."""
        return NumberCodec.of(schema, columns.label, file)

    def info(self, part: Usable, columns: Columns, naming: Naming) -> TaskInfo:
        """Least, median and largest number of the training rows; two different ones at least."""
        values = np.array([float(each) for each in part.labels])
        if values.min() == values.max():
            where = place(part.rows.file, columns)
            raise InputError(f"{where}: all training rows have the number {part.labels[0]}: nothing to learn")
        ends = float(values.min()), float(np.median(values)), float(values.max())
        return TaskInfo(name=self.task, range=ends)

    def space(self, info: TaskInfo) -> NumberSpace:
        """All numbers, with that range."""
        assert info.range is not None
        return NumberSpace(*info.range, task=self.task)

    def described(self, info: TaskInfo, targets: Sequence[str]) -> str:
        """Range, median and mean."""
        assert info.range is not None
        low, middle, high = map(as_target, info.range)
        mean = np.mean([float(each) for each in targets])
        return f"numbers of the training rows: {low} to {high}, median {middle}, mean {mean:.3g}"

    def remarks(
        self, info: TaskInfo, train: Mapping[str, int], evaluated: Mapping[str, int] | None
    ) -> list[Remark]:
        """Numbers too large to be learnt as they are."""
        low, _, high = info.range or (0.0, 0.0, 0.0)
        largest = max(abs(low), abs(high))
        if largest <= _LARGE:
            return []
        text = (
            f"numbers reach {as_target(largest)}: models start near 0 and learn such targets slowly or not "
            "at all; scale them to a few units first"
        )
        return [Remark("scale", text)]


KIND = RealNumbers()
