"""From options to the columns of a data set, for `init` and `build`."""

from __future__ import annotations

import csv
from typing import Any

from backend.data.columns import Columns
from backend.data.targets.registry import all_kinds
from backend.errors import InputError


def columns_of(
    task: str,
    text: str,
    label: str | None,
    labels: str | None,
    *,
    merge: bool,
    names: str | None,
    **others: Any,
) -> Columns:
    """The columns, once task and label options fit each other; ``others`` as of `Columns`. `InputError`."""
    if task not in all_kinds():
        raise InputError(f"--task {task}: must be one of {', '.join(all_kinds())}")
    if task != "classification":
        for option, given in (("--merge-labels", merge), ("--names", names)):
            if given:
                raise InputError(f"{option}: for --task classification only")
    if task != "multilabel":
        if labels is not None:
            raise InputError("--labels: for --task multilabel only; name the column with --label")
        if label is None:
            raise InputError("--label: missing; name the column with the label")
        return Columns(text, label, task=task, **others)
    if (label is None) == (labels is None):
        raise InputError("--task multilabel: name the column of labels, or all 0/1 columns, with --labels")
    listed = [label] if label is not None else listed_names(labels or "")
    if not listed:
        raise InputError("--labels: names no column")
    several = tuple(listed) if len(listed) > 1 else ()
    return Columns(text, listed[0] or "", task=task, labels=several, **others)


def listed_names(names: str) -> list[str]:
    """Names separated by commas; one that holds a comma stands in double quotes, as in CSV."""
    return [each.strip() for each in next(csv.reader([names], skipinitialspace=True), [])]
