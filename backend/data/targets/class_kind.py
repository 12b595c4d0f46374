"""One class out of several, from a column of names or numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from backend.data.choices import NOT_WHOLE, OTHER_TASKS
from backend.data.class_naming import Naming
from backend.data.columns import Columns
from backend.data.label_remarks import class_remarks
from backend.data.labels import LabelCodec, check_two_classes, unknown_label
from backend.data.numbers_as_labels import NUMBERS, looks_like_numbers, some_not_whole
from backend.data.remark import Remark
from backend.data.targets.class_space import ClassSpace
from backend.data.targets.codec import TargetCodec
from backend.data.targets.kind import TargetKind
from backend.data.targets.names import check_count, place
from backend.errors import InputError
from backend.manifest import TaskInfo

if TYPE_CHECKING:
    from backend.data.validate import Usable


class Classes(TargetKind):
    """The names of a `TaskInfo` are classes."""

    task = "classification"
    named = "classes"

    def codec(self, columns: Columns, schema: pa.Schema, file: str) -> TargetCodec:
        """One class a cell."""
        return LabelCodec.of(schema, columns.label, file)

    def info(self, part: Usable, columns: Columns, naming: Naming) -> TaskInfo:
        """Two classes at least, in model order."""
        assert isinstance(part.codec, LabelCodec)
        present = set(part.labels)
        check_two_classes(present, part.rows.file, columns.label)
        if said := looks_like_numbers(Counter(part.labels)):
            raise InputError(f"{place(part.rows.file, columns)}: {said}")
        check_count(len(present), part.rows.file, columns)
        return TaskInfo(classes=naming.classes(part.codec, present))

    def space(self, info: TaskInfo) -> ClassSpace:
        """Its classes."""
        return ClassSpace(info.classes)

    def labels(self, target: str) -> tuple[str, ...]:
        """The class."""
        return (target,)

    def unknown(self, info: TaskInfo, target: str, present: set[str]) -> str | None:
        """A class that no training row has."""
        return None if target in present else unknown_label(target, [c for c in info.classes if c in present])

    def remarks(
        self, info: TaskInfo, train: Mapping[str, int], evaluated: Mapping[str, int] | None
    ) -> list[Remark]:
        """Large, small and untested classes; numbers that are hardly classes."""
        counts = Counter(train)
        counts.update(evaluated or {})
        return [*_numbers(counts), *class_remarks(train, evaluated)]


def _numbers(counts: Mapping[str, int]) -> list[Remark]:
    """Labels that look like numbers to be predicted, or are numbers that are not all whole."""
    said = looks_like_numbers(counts)
    odd = some_not_whole(counts)
    if said is None and odd is not None:
        said = f"labels are numbers, not all whole ({odd}), and taken as classes; {OTHER_TASKS[NOT_WHOLE]}"
    return [Remark(NUMBERS, said)] if said else []


KIND = Classes()
