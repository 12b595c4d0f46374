"""The task of a data set from its training targets, and what is said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from backend.data.class_naming import Naming
from backend.data.label_remarks import class_remarks
from backend.data.labels import LabelCodec, check_two_classes, unknown_label
from backend.data.messages import listing, shown_value
from backend.data.remark import Remark
from backend.data.targets.label_sets import NONE, parted
from backend.data.targets.number_space import as_target
from backend.data.targets.set_cells import FlagsCodec, SetCodec
from backend.errors import InputError
from backend.folder import TaskInfo, TaskName

if TYPE_CHECKING:
    from backend.data.validate import Usable

MAX_CLASSES = 1000


def task_info(task: TaskName, part: Usable, columns: Sequence[str], naming: Naming) -> TaskInfo:
    """What there is to learn from the training rows; `InputError` where that is nothing, or too much."""
    where = f"{part.rows.file}, column {', '.join(map(repr, columns))}"
    if task == "regression":
        return TaskInfo(name=task, range=_range(part.labels, where))
    if task == "multilabel":
        assert isinstance(part.codec, SetCodec | FlagsCodec)
        present = {label for target in part.labels for label in parted(target)}
        if not present:
            raise InputError(f"{where}: no training row has any label")
        names = part.codec.labels(present)
        _check_count(len(names), where)
        return TaskInfo(name=task, classes=names)
    assert isinstance(part.codec, LabelCodec)
    present = set(part.labels)
    check_two_classes(present, part.rows.file, columns[0])
    _check_count(len(present), where)
    return TaskInfo(classes=naming.classes(part.codec, present))


def _check_count(count: int, where: str) -> None:
    if count > MAX_CLASSES:
        raise InputError(
            f"{where}: {count:,} different labels (at most {MAX_CLASSES:,}); is this the label column?"
        )


def _range(targets: Sequence[str], where: str) -> tuple[float, float, float]:
    values = np.array([float(each) for each in targets])
    if values.min() == values.max():
        raise InputError(f"{where}: all training rows have the number {targets[0]}: nothing to learn")
    return float(values.min()), float(np.median(values)), float(values.max())


def unknown_target(task: TaskInfo, target: str, present: set[str]) -> str | None:
    """Why an eval row with this target can't be used, since train lacks it; None where it can."""
    if task.name == "regression":
        return None
    if task.name == "classification":
        return None if target in present else unknown_label(target, [c for c in task.classes if c in present])
    missing = [each for each in parted(target) if each not in present]
    if not missing:
        return None
    return f"label {shown_value(missing[0])} does not occur in train, which has {listing(sorted(present))}"


def present_in(task: TaskInfo, targets: Sequence[str]) -> set[str]:
    """The labels that occur."""
    return {label for target in set(targets) for label in labels_in(task.name, target)}


def labels_in(task: TaskName, target: str) -> tuple[str, ...]:
    """The labels of one target: none where it is a number."""
    return () if task == "regression" else parted(target) if task == "multilabel" else (target,)


def counts_of(task: TaskInfo, targets: Sequence[str]) -> dict[str, int]:
    """How many rows have each label, zeros included; without labels nothing."""
    found = Counter(label for target in targets for label in labels_in(task.name, target))
    return {name: found[name] for name in task.classes}


def described(task: TaskInfo, targets: Sequence[str]) -> str:
    """One line about the targets of the training rows; "" where the counts of classes say it all."""
    if task.name == "multilabel":
        sizes = Counter(len(parted(target)) for target in targets)
        mean = sum(size * n for size, n in sizes.items()) / len(targets)
        most = max(sizes)
        return (
            f"labels of a training row: {mean:.2f} on average, at most {most}; "
            f"{sizes[0]:,} rows have none ({NONE})"
        )
    if task.name == "regression":
        assert task.range is not None
        low, middle, high = map(as_target, task.range)
        values = np.array([float(each) for each in targets])
        return f"numbers of the training rows: {low} to {high}, median {middle}, mean {values.mean():.3g}"
    return ""


def target_remarks(
    task: TaskInfo, train: Mapping[str, int], evaluated: Mapping[str, int] | None
) -> list[Remark]:
    """What is noticed in the targets beside spellings and cells; ``train``, ``evaluated``: rows per label."""
    if task.name == "classification":
        return class_remarks(train, evaluated)
    if task.name == "multilabel":
        found = [each for each in class_remarks(train, evaluated) if each.kind != "majority"]
        return [*_unsplit(task, train), *found]
    return _scale(task)


def _unsplit(task: TaskInfo, train: Mapping[str, int]) -> list[Remark]:
    """Names that look like several, where no cell holds more than one label by its separator."""
    for sign in ("|", ","):
        odd = [name for name in task.classes if sign in name]
        if len(odd) > len(task.classes) / 2:
            text = (
                f"{len(odd):,} labels contain {sign!r}, such as {shown_value(odd[0])}: several labels in one "
                "cell are read where they are joined by ';'"
            )
            return [Remark("several choices", text, sum(train[name] for name in odd))]
    return []


def _scale(task: TaskInfo) -> list[Remark]:
    low, _, high = task.range or (0.0, 0.0, 0.0)
    if max(abs(low), abs(high)) <= 100:
        return []
    text = (
        f"numbers reach {as_target(max(abs(low), abs(high)))}: models start near 0 and learn such targets "
        "slowly or not at all; scale them to a few units first"
    )
    return [Remark("scale", text)]
