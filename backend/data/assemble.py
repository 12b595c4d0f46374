"""From the named sources to two validated splits that agree on their classes."""

from dataclasses import dataclass

from backend.data.columns import Columns
from backend.data.labels import check_two_classes
from backend.data.rejected import Rejections
from backend.data.rows import Rows
from backend.data.sources import Read, has_splits, read, same_source
from backend.data.splits import eval_rows, held_out, parse_fraction, train_rows, unused
from backend.data.validate import Usable, known_labels, usable
from backend.errors import InputError

MAX_CLASSES = 1000


@dataclass(frozen=True)
class Assembled:
    """Usable rows of both splits, class names in model order, rows of the sources in neither split."""

    train: Usable
    eval: Usable
    classes: tuple[str, ...]
    left_out: dict[str, int]


@dataclass(frozen=True)
class _Parts:
    train: Rows
    eval: Rows | None  # None: to be held out from train
    left_out: dict[str, int]


def assemble(train: str, eval: str | None, columns: Columns, seed: int, rejections: Rejections) -> Assembled:
    """Read, validate and split; `InputError` if no two splits with at least two classes come out."""
    columns.check()
    fraction = parse_fraction(eval)
    parts = _read(train, eval, fraction, columns, rejections)
    train_part = some(usable(parts.train, columns, rejections), rejections, "train")
    classes = _classes(train_part, columns.label)
    if parts.eval is not None:
        eval_part = usable(parts.eval, columns, rejections)
    else:
        assert fraction is not None
        train_part, eval_part = _hold_out(train_part, fraction, seed)
    eval_part = known_labels(eval_part, columns.label, train_part.present(classes), rejections)
    return Assembled(train_part, some(eval_part, rejections, "eval"), classes, parts.left_out)


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


def _hold_out(part: Usable, fraction: float, seed: int) -> tuple[Usable, Usable]:
    mask = held_out(part, fraction, seed)
    if not mask.any():
        raise InputError(
            f"{part.rows.file}: a share of {fraction:g} of {len(part)} rows is not one row of any class; "
            "hold out more"
        )
    return part.where(~mask), part.where(mask)


def _classes(part: Usable, column: str) -> tuple[str, ...]:
    present = set(part.labels)
    check_two_classes(present, part.rows.file, column)
    if len(present) > MAX_CLASSES:
        raise InputError(
            f"{part.rows.file}, column {column!r}: {len(present):,} different labels "
            f"(at most {MAX_CLASSES:,}); is this the label column?"
        )
    return part.codec.classes(present)
