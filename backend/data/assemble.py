"""From the named sources to two validated splits that agree on their classes."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from backend.data.class_naming import Naming, naming_of
from backend.data.columns import Columns
from backend.data.label_remarks import joined_choices
from backend.data.label_variants import Variants
from backend.data.messages import listing
from backend.data.rejected import Rejections
from backend.data.rows import Rows
from backend.data.sources import Read, has_splits, read, same_source
from backend.data.splits import eval_rows, held_out, parse_fraction, train_rows, unused
from backend.data.targets.registry import kind_of, present_in, space_of
from backend.data.validate import Usable, known_targets, usable
from backend.errors import InputError
from backend.manifest import TaskInfo


@dataclass(frozen=True)
class Assembled:
    """Usable rows of both splits, what is to be learnt, rows of the sources in neither split.

    ``naming`` gave the classes their names, ``groups`` are the labels that differ only in spelling;
    ``seen``: the rows before any was held out, with their labels as the cells have them.
    """

    train: Usable
    eval: Usable
    task: TaskInfo
    left_out: dict[str, int]
    naming: Naming
    groups: list[Variants]
    seen: tuple[Usable, ...]


@dataclass(frozen=True)
class Meaning:
    """What the user says of labels: merge those that differ only in spelling, call them as classes."""

    merge: bool = False
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Parts:
    train: Rows
    eval: Rows | None  # None: to be held out from train
    left_out: dict[str, int]


def assemble(
    train: str,
    eval: str | None,
    columns: Columns,
    seed: int,
    rejections: Rejections,
    meaning: Meaning | None = None,
) -> Assembled:
    """Read, validate and split; `InputError` if no two splits with at least two classes come out."""
    columns.check()
    fraction = parse_fraction(eval)
    parts = _read(train, eval, fraction, columns, rejections)
    read_parts = [parts.train, *([] if parts.eval is None else [parts.eval])]
    seen = [usable(each, columns, rejections) for each in read_parts]
    some(seen[0], rejections, "train")
    naming, groups = Naming(), list[Variants]()
    if columns.task == "classification":
        seen = without_joined(seen, columns.label, rejections)
        naming, groups = _naming(seen, columns.label, meaning or Meaning())
    train_part = some(seen[0], rejections, "train").called(naming)
    kind = kind_of(columns.task)
    task = kind.info(train_part, columns, naming)
    if parts.eval is not None:
        eval_part = seen[1].called(naming)
    else:
        assert fraction is not None
        train_part, eval_part = _hold_out(train_part, task, fraction, seed)
        task = kind.info(train_part, columns, naming)  # of the rows that are trained on
    present = present_in(task, train_part.labels)
    eval_part = known_targets(
        eval_part, columns.label, lambda target: kind.unknown(task, target, present), rejections
    )
    eval_part = some(eval_part, rejections, "eval")
    return Assembled(train_part, eval_part, task, parts.left_out, naming, groups, tuple(seen))


def without_joined(parts: Sequence[Usable], column: str, rejections: Rejections) -> list[Usable]:
    """``parts`` without rows whose label looks like several choices, where such rows are skipped."""
    if not rejections.skip_joined:
        return list(parts)
    joined = joined_choices(label for part in parts for label in part.labels)
    kept = []
    for part in parts:
        ok = np.array([label not in joined for label in part.labels], dtype=bool)
        for i in np.flatnonzero(~ok).tolist():
            reason = f"looks like several choices in one cell: {listing(joined[part.labels[i]])}"
            rejections.unusable(part.rows.rejected(i, column, reason))
        kept.append(part.where(ok))
    return kept


def _naming(parts: Sequence[Usable], column: str, meaning: Meaning) -> tuple[Naming, list[Variants]]:
    return naming_of(
        Counter(label for part in parts for label in part.labels),
        file=parts[0].rows.file,
        column=column,
        merge=meaning.merge,
        names=meaning.names,
        guessed=any(part.rows.guessed and part.codec.kind == "name" for part in parts),
    )


def _read(
    train: str, eval: str | None, fraction: float | None, columns: Columns, rejections: Rejections
) -> _Parts:
    source = train if eval is None or fraction is not None or same_source(train, eval) else eval
    if source == train and fraction is None and columns.split is None and not has_splits(train):
        problem = "has no eval split" if eval is None else "is given as eval too"
        raise InputError(
            f"{train}: {problem}; name another file with --eval, a share to hold out (--eval 0.2), "
            "or the column that says which row is in which split (--split-column)"
        )
    first = read(train, "train", columns, rejections)
    if columns.split is not None:
        return _by_column(first.rows, source if source != train else None, fraction, columns, rejections)
    if fraction is not None:
        return _Parts(first.rows, None, first.left_out)
    second = read(source, "eval", columns, rejections)
    left_out = first.left_out if source == train else _added(first.left_out, second.left_out)
    return _Parts(first.rows, second.rows, left_out)


def _by_column(
    rows: Rows, other: str | None, fraction: float | None, columns: Columns, rejections: Rejections
) -> _Parts:
    """Splits by a column of ``rows``; eval rows come from source ``other`` if it is named."""
    assert columns.split is not None
    chosen, rest = train_rows(rows, columns.split)
    if fraction is not None:
        return _Parts(chosen, None, rest)
    if other is None:
        evaluated, others = eval_rows(rows, columns.split)
        return _Parts(chosen, evaluated, unused([rest, others]))
    second: Read = read(other, "eval", columns, rejections)
    evaluated, others = eval_rows(second.rows, columns.split)
    return _Parts(chosen, evaluated, _added(rest, others))


def _added(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}}


def some(part: Usable, rejections: Rejections, split: str) -> Usable:
    """``part``; `InputError` naming the first rejected row if it is empty."""
    if len(part):
        return part
    listed = rejections.sorted()
    why = f"; {len(listed)} rejected, first: {listed[0]}" if listed else ""
    raise InputError(f"{part.rows.file}: no usable row for {split}{why}")


def _hold_out(part: Usable, task: TaskInfo, fraction: float, seed: int) -> tuple[Usable, Usable]:
    space = space_of(task)
    if task.name == "classification":
        strata: Sequence[Hashable] = part.labels
    else:
        strata = space.strata(part.labels).tolist()
    labels = [space.labels_of(each) for each in part.labels]
    mask = held_out(part.examples, fraction, seed, strata, labels)
    if not mask.any() and not task.classes:  # too few rows of every stratum
        mask = held_out(part.examples, fraction, seed, [0] * len(part), labels)
    if not mask.any():
        raise InputError(
            f"{part.rows.file}: a share of {fraction:g} of {len(part)} rows is not one row"
            f"{' of any class' if task.classes else ''}; hold out more"
        )
    return part.where(~mask), part.where(mask)
