"""Sets of labels in cells: lists, names joined by a semicolon, or a column of 0 and 1 for each label."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from backend.data.choices import CHOICES, NotALabel, listed_choices
from backend.data.labels import UNLABELLED, class_names
from backend.data.messages import shown_type, shown_value
from backend.data.rows import is_json, is_text
from backend.data.targets.label_sets import NONE, SEPARATOR, joined, parted
from backend.errors import InputError

_FLAGS: Mapping[Any, bool] = {0: False, 1: True, "0": False, "1": True, "true": True, "false": False}


@dataclass(frozen=True)
class SetCodec:
    """A column of lists, or of text. ``names``: of a `datasets` list of ClassLabel, which holds numbers."""

    kind: Literal["list", "joined"]
    type: pa.DataType
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, schema: pa.Schema, column: str, file: str) -> SetCodec:
        """The codec of ``column``; `InputError` for types that can't hold sets of labels."""
        field = schema.field(column)
        if is_json(field) or pa.types.is_struct(field.type):
            return cls("list", field.type)
        if pa.types.is_list(field.type) or pa.types.is_large_list(field.type):
            names = class_names(schema, column)
            _check_names(names, f"{file}, column {column!r}: label")
            return cls("list", field.type, names)
        if is_text(field.type) or pa.types.is_null(field.type):
            return cls("joined", field.type)
        raise InputError(
            f"{file}, column {column!r}: {shown_type(field.type)} can't be sets of labels; lists can, or "
            f"names joined by {SEPARATOR!r}, or a column of 0 and 1 for each of several labels "
            "(--labels A,B,...)"
        )

    def decode(self, value: Any) -> str | None:
        """The target of one cell; None where there is none. Raises `NotALabel`."""
        if value is None:
            return None
        if isinstance(value, str):
            listed = listed_choices(value)
            if listed is None:
                plain = value.strip()
                return (
                    joined([each for each in plain.split(SEPARATOR) if each.strip()])
                    if plain != NONE
                    else NONE
                )
            value = listed
        if isinstance(value, dict) and isinstance(value.get(CHOICES), list):
            value = value[CHOICES]
        if not isinstance(value, list):
            raise NotALabel(f"{shown_value(value)} is no list of labels")
        if not self.names and _are_flags(value):
            raise NotALabel(
                f"{shown_value(value)} says 0 or 1 of each label and names none; make it a list of names, or "
                "a column of 0 and 1 for each label (--labels A,B,...)"
            )
        return joined(self._name(each) for each in value)

    def _name(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise NotALabel(f"{shown_value(value)} in a list of labels is no name")
        if isinstance(value, str) or not self.names:
            return str(value)
        if value == UNLABELLED or not 0 <= value < len(self.names):
            raise NotALabel(f"label {value} is none of the {len(self.names)} labels of this data set")
        return self.names[value]

    def decode_all(self, values: Iterable[Any]) -> list[str | NotALabel | None]:
        """`decode` for every cell, with the error in the place of one that holds no target."""
        return [_attempt(self.decode, value) for value in values]

    def encode(self, target: str, like: Any = None) -> Any:
        """The cell that holds ``target``, in the form of ``like``: the inverse of `decode`."""
        names = list(parted(target))
        if self.kind == "joined":
            listed = listed_choices(like) if isinstance(like, str) else None
            if listed is None:
                tight = isinstance(like, str) and SEPARATOR in like and f"{SEPARATOR} " not in like
                return (SEPARATOR if tight else f"{SEPARATOR} ").join(names)
            return json.dumps(_in_form_of(listed, names), ensure_ascii=False)
        cells: list[Any] = [self.names.index(each) for each in names] if self.names else names
        if self._holds_numbers(like):
            cells = [int(each) for each in cells]
        return _in_form_of(like, cells)

    def _holds_numbers(self, like: Any) -> bool:
        """Whether the labels of the column, or of a cell that may hold anything, are whole numbers."""
        if pa.types.is_list(self.type) or pa.types.is_large_list(self.type):
            return bool(pa.types.is_integer(self.type.value_type))
        held = like.get(CHOICES) if isinstance(like, dict) else like
        return isinstance(held, list) and bool(held) and all(type(each) is int for each in held)

    def labels(self, present: Iterable[str]) -> tuple[str, ...]:
        """All labels in model order; ``present`` are those that occur in train."""
        return self.names or tuple(sorted(present))


@dataclass(frozen=True)
class FlagsCodec:
    """A column of 0 and 1 (or true and false) for each label; a value is a row's cells."""

    columns: tuple[str, ...]
    types: tuple[pa.DataType, ...]
    kind: Literal["flags"] = "flags"

    @classmethod
    def of(cls, schema: pa.Schema, columns: Sequence[str], file: str) -> FlagsCodec:
        """The codec of ``columns``; `InputError` for types that can't be 0 and 1."""
        types = [schema.field(each).type for each in columns]
        _check_names(columns, f"{file}, column")
        for name, kind in zip(columns, types, strict=True):
            plain = (pa.types.is_integer(kind), pa.types.is_boolean(kind), pa.types.is_floating(kind))
            if not any(plain) and not is_text(kind):
                raise InputError(f"{file}, column {name!r}: {shown_type(kind)} can't be 0 and 1")
        return cls(tuple(columns), tuple(types))

    def decode(self, cells: Sequence[Any]) -> str | None:
        """The target of a row's cells; None where one is empty. Raises `NotALabel`."""
        if any(each is None or each != each for each in cells):  # NaN is not itself
            return None
        chosen = []
        for name, cell in zip(self.columns, cells, strict=True):
            key = cell.strip().lower() if isinstance(cell, str) else cell
            if key not in _FLAGS:
                raise NotALabel(f"{name} is {shown_value(cell)}, neither 0 nor 1")
            if _FLAGS[key]:
                chosen.append(name)
        return joined(chosen)

    def decode_all(self, values: Iterable[Any]) -> list[str | NotALabel | None]:
        """`decode` for every row."""
        return [_attempt(self.decode, value) for value in values]

    def cell(self, column: str, target: str, like: Any = None) -> Any:
        """What ``column`` holds for ``target``, in its own type."""
        there = column in parted(target)
        if isinstance(like, str):
            words = ("true", "false") if like.strip().lower() in ("true", "false") else ("1", "0")
            return words[0] if there else words[1]
        kind = self.types[self.columns.index(column)]
        return (
            there if pa.types.is_boolean(kind) else float(there) if pa.types.is_floating(kind) else int(there)
        )

    def labels(self, present: Iterable[str]) -> tuple[str, ...]:
        """The columns."""
        return self.columns


def _are_flags(cell: list[Any]) -> bool:
    """Whether a list is of 0 and 1 and holds one of them twice, so that they are not numbers of labels."""
    plain = all(isinstance(each, int | float) and each in (0, 1) for each in cell)
    return plain and len(set(cell)) < len(cell)


def _check_names(names: Sequence[str], where: str) -> None:
    """`InputError` for a name that a target could not hold as it is."""
    for name in names:
        try:
            plain = joined([name]) == name
        except NotALabel:
            plain = False
        if not plain:
            raise InputError(f"{where} {name!r}: can't be a label (blanks around it, or a ';'); rename it")


def _attempt(decode: Any, value: Any) -> str | NotALabel | None:
    try:
        return decode(value)
    except NotALabel as error:
        return error


def _in_form_of(like: Any, names: list[Any]) -> Any:
    if isinstance(like, dict) and isinstance(like.get(CHOICES), list):
        return {**like, CHOICES: names}
    return names
