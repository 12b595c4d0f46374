"""Separating the rows that can be used from those that cannot."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from backend.data.chat_rows import read_conversations
from backend.data.choices import NotALabel
from backend.data.class_naming import Naming
from backend.data.columns import Columns
from backend.data.conversations import for_language_models
from backend.data.examples import Examples
from backend.data.labels import LabelCodec, check_one_type, unknown_class
from backend.data.messages import listing, shown_type, shown_value
from backend.data.rejected import Rejections
from backend.data.rows import Rows, is_json, is_text
from backend.data.targets.codec import TargetCodec, target_values
from backend.data.targets.registry import kind_of
from backend.errors import InputError


@dataclass(frozen=True)
class Usable:
    """Rows that can be used, with texts, class names and (where a column gives them) ids as lists.

    ``labels`` are as the cells have them until `called` gives them the names of classes.
    """

    rows: Rows
    codec: TargetCodec
    examples: Examples
    ids: list[str] | None

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def labels(self) -> Sequence[str]:
        """The label of every row."""
        return self.examples.targets

    def where(self, mask: np.ndarray) -> Usable:
        """The rows where ``mask`` (bool, one per row) is true."""
        if mask.all():
            return self
        kept = np.flatnonzero(mask).tolist()
        return replace(
            self,
            rows=self.rows.where(mask),
            examples=self.examples.take(kept),
            ids=None if self.ids is None else [self.ids[i] for i in kept],
        )

    def called(self, naming: Naming) -> Usable:
        """The rows with the class that each label means in the place of the label."""
        return replace(self, examples=self.examples.with_targets(list(map(naming.class_of, self.labels))))


def usable(rows: Rows, columns: Columns, rejections: Rejections) -> Usable:
    """Check every row: text there, label there, id there and unique.

    Raises `InputError` for missing columns and wrong column types; single rows go to
    ``rejections``. The result may be empty.
    """
    rows.require(tuple(name for name in columns.named if name != columns.split))
    codec = kind_of(columns.task).codec(columns, rows.table.schema, rows.file)
    ok = np.ones(len(rows), dtype=bool)
    examples = _examples(rows, columns, codec, ok, rejections)
    ids = None if columns.id is None else _ids(rows, columns.id, ok, rejections)
    kept = np.flatnonzero(ok).tolist()
    return Usable(
        rows=rows.where(ok),
        codec=codec,
        examples=examples.take(kept),
        ids=None if ids is None else [ids[i] for i in kept],
    )


def _examples(
    rows: Rows, columns: Columns, codec: TargetCodec, ok: np.ndarray, rejections: Rejections
) -> Examples:
    if columns.form:
        return read_conversations(rows, columns, ok, rejections)
    texts = [_texts(rows, column, ok, rejections) for column in columns.texts]
    return Examples(tuple(texts), _labels(rows, columns, codec, ok, rejections))


def usable_texts(rows: Rows, columns: Columns, rejections: Rejections) -> Examples:
    """The rows that have texts (both of a pair), without targets: labels and ids are not asked for.

    Rows for language models have theirs: what is learnt is text, too.
    """
    ok = np.ones(len(rows), dtype=bool)
    if columns.form:
        rows.require(columns.contents)
        return read_conversations(rows, columns, ok, rejections).take(np.flatnonzero(ok))
    rows.require(columns.texts)
    texts = tuple(_texts(rows, column, ok, rejections) for column in columns.texts)
    return Examples(texts).take(np.flatnonzero(ok))


def known_targets(
    part: Usable, column: str, problem: Callable[[str], str | None], rejections: Rejections
) -> Usable:
    """``part`` without rows of whose target ``problem`` says why it can't be used."""
    problems = {target: problem(target) for target in set(part.labels)}
    ok = np.ones(len(part), dtype=bool)
    for i, target in enumerate(part.labels):
        reason = problems[target]
        if reason is not None:
            rejections.broken(part.rows.rejected(i, column, reason))
            ok[i] = False
    return part.where(ok)


def known_classes(
    part: Usable,
    column: str,
    codec: LabelCodec,
    classes: Collection[str],
    naming: Naming,
    rejections: Rejections,
) -> Usable:
    """``part`` with its labels read as ``codec`` and ``naming`` mean them, without rows of no known class.

    ``codec`` is that of the stored label column, which must be able to hold the labels.
    """
    if codec.kind == "class" and part.codec.kind in ("integer", "float"):
        part = _by_number(part, column, codec, rejections)
    part = part.called(naming)
    return known_targets(part, column, lambda label: _misfit(label, codec, classes, naming), rejections)


def new_ids(part: Usable, column: str, taken: Collection[str], rejections: Rejections) -> Usable:
    """``part``, which has ids of its own, without rows whose id is in ``taken``."""
    assert part.ids is not None
    ok = np.ones(len(part), dtype=bool)
    for i, row_id in enumerate(part.ids):
        if row_id in taken:
            reason = f"id {shown_value(row_id)} is in the training rows already"
            rejections.broken(part.rows.rejected(i, column, reason))
            ok[i] = False
    return part.where(ok)


def _misfit(name: str, codec: LabelCodec, classes: Collection[str], naming: Naming) -> str | None:
    """Why a row of this class cannot be stored, None if it can."""
    if name not in classes:
        return unknown_class(name, classes)
    label = naming.label_of(name)
    try:
        held = codec.decode(codec.encode(label)) == label
    except ValueError:
        held = False
    return (
        None
        if held
        else f"label {shown_value(name)} cannot be stored in the column ({shown_type(codec.type)})"
    )


def _by_number(part: Usable, column: str, codec: LabelCodec, rejections: Rejections) -> Usable:
    """``part`` with whole numbers read as the numbers of the classes that ``codec`` names."""
    numerals = [name for i, name in enumerate(codec.names) if name.isdecimal() and name != str(i)]
    if numerals:
        raise InputError(
            f"{part.rows.file}, column {column!r}: its numbers could be names of classes "
            f"({listing(numerals)}) or their places; give the labels as text"
        )
    ok, labels = np.ones(len(part), dtype=bool), []
    for i, name in enumerate(codec.decode_all(int(label) for label in part.labels)):
        labels.append(name if isinstance(name, str) else "")
        if isinstance(name, NotALabel):
            rejections.broken(part.rows.rejected(i, column, str(name)))
        elif name is None:
            rejections.unusable(part.rows.rejected(i, column, "no label"))
        ok[i] = isinstance(name, str)
    return replace(part, examples=part.examples.with_targets(labels)).where(ok)


def _texts(rows: Rows, column: str, ok: np.ndarray, rejections: Rejections) -> list[str]:
    kind = rows.field(column).type
    if not (is_text(kind) or pa.types.is_null(kind)) or is_json(rows.field(column)):
        found = "values of several types" if is_json(rows.field(column)) else shown_type(kind)
        fields = [
            f"{column}.{kind.field(i).name}" for i in range(kind.num_fields) if is_text(kind.field(i).type)
        ]
        better = f"name a field of them, such as {fields[0]}" if fields else "name a text column"
        better = for_language_models({column: rows.head(column)}) or better
        raise InputError(f"{rows.file}, column {column!r}: holds {found}, not text; {better}")
    values = rows.values(column)
    for i, value in enumerate(values):
        if value is None or not value.strip():
            if ok[i]:
                rejections.unusable(rows.rejected(i, column, "no text" if not value else "blank text"))
            ok[i] = False
    return values


def _labels(
    rows: Rows, columns: Columns, codec: TargetCodec, ok: np.ndarray, rejections: Rejections
) -> list[str]:
    names: list[str] = []
    column = columns.label
    values = target_values(columns, [rows.values(each) for each in columns.targets])
    if isinstance(codec, LabelCodec) and is_json(rows.field(column)):
        check_one_type(values, lambda i: rows.place(i, column))
    for i, name in enumerate(codec.decode_all(values)):
        if isinstance(name, str):
            names.append(name)
            continue
        names.append("")
        if ok[i] and isinstance(name, NotALabel):
            rejections.broken(rows.rejected(i, column, str(name)))
        elif ok[i]:
            rejections.unusable(rows.rejected(i, column, "no label"))
        ok[i] = False
    return names


def _ids(rows: Rows, column: str, ok: np.ndarray, rejections: Rejections) -> list[str]:
    """The user's ids as text; of several rows with one id the first is kept."""
    ids: list[str] = []
    first: dict[str, int] = {}
    for i, value in enumerate(rows.values(column)):
        text = value if isinstance(value, str) else as_text(value)
        ids.append(text)
        if not ok[i]:
            continue
        if not text.strip():
            rejections.broken(rows.rejected(i, column, "no id"))
            ok[i] = False
        elif text in first:
            before = f"{rows.unit} {rows.numbers[first[text]]}"
            rejections.broken(rows.rejected(i, column, f"id {shown_value(text)} occurs before, in {before}"))
            ok[i] = False
        else:
            first[text] = i
    return ids


def as_text(value: object) -> str:
    """An id or group value as text; nothing for null."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
