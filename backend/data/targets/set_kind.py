"""Sets of labels, from lists, joined names, or a column of 0 and 1 for each label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from backend.data.class_naming import Naming
from backend.data.columns import Columns
from backend.data.label_remarks import class_remarks
from backend.data.label_variants import label_variants
from backend.data.messages import listing, shown_value
from backend.data.remark import Remark
from backend.data.targets.codec import TargetCodec
from backend.data.targets.kind import TargetKind
from backend.data.targets.label_sets import NOT, LabelSetSpace, parted
from backend.data.targets.names import check_count, place
from backend.data.targets.set_cells import FlagsCodec, SetCodec
from backend.errors import InputError
from backend.manifest import TaskInfo

if TYPE_CHECKING:
    from backend.data.validate import Usable


class LabelSets(TargetKind):
    """The names of a `TaskInfo` are labels."""

    task = "multilabel"
    named = "labels"

    def codec(self, columns: Columns, schema: pa.Schema, file: str) -> TargetCodec:
        """One column of sets, or several of 0 and 1."""
        if len(columns.labels) > 1:
            return FlagsCodec.of(schema, columns.labels, file)
        return SetCodec.of(schema, columns.label, file)

    def info(self, part: Usable, columns: Columns, naming: Naming) -> TaskInfo:
        """All labels that some training row has, or all columns of 0 and 1."""
        assert isinstance(part.codec, SetCodec | FlagsCodec)
        present = {label for target in part.labels for label in parted(target)}
        if not present:
            raise InputError(f"{place(part.rows.file, columns)}: no training row has any label")
        if len(set(part.labels)) == 1:
            where = place(part.rows.file, columns)
            raise InputError(f"{where}: all training rows have the labels {part.labels[0]}: nothing to learn")
        names = part.codec.labels(present)
        _check_questions(names, place(part.rows.file, columns))
        check_count(len(names), part.rows.file, columns)
        return TaskInfo(name=self.task, classes=names)

    def space(self, info: TaskInfo) -> LabelSetSpace:
        """Its labels."""
        return LabelSetSpace(info.classes)

    def labels(self, target: str) -> tuple[str, ...]:
        """Its labels."""
        return parted(target)

    def unknown(self, info: TaskInfo, target: str, present: set[str]) -> str | None:
        """One of its labels is in no training row."""
        missing = [each for each in parted(target) if each not in present]
        if not missing:
            return None
        return (
            f"label {shown_value(missing[0])} does not occur in train, which has {listing(sorted(present))}"
        )

    def described(self, info: TaskInfo, targets: Sequence[str]) -> str:
        """How many labels a row has."""
        sizes = Counter(len(parted(target)) for target in targets)
        mean = sum(size * n for size, n in sizes.items()) / len(targets)
        none = f"; {sizes[0]:,} rows have none" if sizes[0] else ""
        return f"labels of a training row: {mean:.2f} on average, at most {max(sizes)}{none}"

    def remarks(
        self, info: TaskInfo, train: Mapping[str, int], evaluated: Mapping[str, int] | None
    ) -> list[Remark]:
        """Small and untested labels, and names that look like several."""
        found = [each for each in class_remarks(train, evaluated) if each.kind != "majority"]
        return [*_unsplit(info, train), *_spellings(train), *found]


def _check_questions(names: Sequence[str], where: str) -> None:
    """`InputError` for two labels of which one is called as the question about the other."""
    both = [name for name in names if f"{NOT}{name}" in names]
    if both:
        raise InputError(
            f"{where}: labels {shown_value(both[0])} and {shown_value(NOT + both[0])}: the second asks why "
            "the first is not there; call it otherwise"
        )


def _spellings(train: Mapping[str, int]) -> list[Remark]:
    """Labels that differ only in spelling; they are different ones to a model."""
    groups = label_variants({name: n for name, n in train.items() if n})
    return [
        Remark("spelling group", f"labels that differ only in {', '.join(each.differ)}: {each}")
        for each in groups[:8]
    ]


def _unsplit(info: TaskInfo, train: Mapping[str, int]) -> list[Remark]:
    for sign in ("|", ","):
        odd = [name for name in info.classes if sign in name]
        if len(odd) > len(info.classes) / 2:
            text = (
                f"{len(odd):,} labels contain {sign!r}, such as {shown_value(odd[0])}: several labels in one "
                "cell are read where they are joined by ';'"
            )
            return [Remark("several choices", text, sum(train[name] for name in odd))]
    return []


KIND = LabelSets()
