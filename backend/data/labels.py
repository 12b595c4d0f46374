"""Labels: from the values of a column to class names, and back to the column's own type."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from backend.data.choices import (
    CHOICES,
    NOT_WHOLE,
    OTHER_TASKS,
    NotALabel,
    cell_in_form_of,
    choice_of,
    in_form_of,
    listed_choices,
)
from backend.data.label_variants import quoted, spelling_notes
from backend.data.messages import listing, shown_type, shown_value
from backend.data.rows import is_json, is_text
from backend.errors import InputError

Kind = Literal["name", "class", "integer", "float", "boolean", "nested"]
UNLABELLED = -1  # what `datasets` writes into a ClassLabel column for "no label"


@dataclass(frozen=True)
class LabelCodec:
    """How one label column writes its classes; ``names`` is set for a ClassLabel column only.

    ``nested`` columns hold lists or objects, or values of several types as JSON.
    """

    kind: Kind
    type: pa.DataType
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, schema: pa.Schema, column: str, file: str) -> LabelCodec:
        """The codec of ``column``; `InputError` for types that cannot be labels."""
        field = schema.field(column)
        names = class_names(schema, column)
        if pa.types.is_struct(field.type) and field.type.get_field_index(CHOICES) < 0:
            inner = f"{column}.{field.type.field(0).name}"
            raise InputError(
                f"{file}, column {column!r}: holds objects; name a field of them, such as {inner}"
            )
        if is_json(field) or pa.types.is_nested(field.type):
            return cls("nested", field.type)
        if pa.types.is_integer(field.type):
            return cls("class" if names else "integer", field.type, names)
        if is_text(field.type) or pa.types.is_null(field.type):
            return cls("name", field.type)
        if pa.types.is_floating(field.type):
            return cls("float", field.type)
        if pa.types.is_boolean(field.type):
            return cls("boolean", field.type)
        raise InputError(
            f"{file}, column {column!r}: {shown_type(field.type)} cannot be labels; "
            "names or whole numbers can"
        )

    def decode(self, value: Any) -> str | None:
        """The class name of one Python value, None where there is no label; raises `NotALabel`."""
        if self.kind == "nested":
            return choice_of(value)
        if value is None or (self.kind == "float" and math.isnan(value)):
            return None
        if self.kind == "name":
            listed = listed_choices(value)
            return choice_of(value if listed is None else listed)
        if self.kind == "class":
            return self._named(value)
        if self.kind == "float":
            if not value.is_integer():
                raise NotALabel(f"label {value} {NOT_WHOLE} ({OTHER_TASKS[NOT_WHOLE]})")
            return str(int(value))
        return str(value).lower() if self.kind == "boolean" else str(value)

    def _named(self, value: int) -> str | None:
        if value == UNLABELLED:
            return None
        if not 0 <= value < len(self.names):
            raise NotALabel(f"label {value} is none of the {len(self.names)} classes of this data set")
        return self.names[value]

    def decode_all(self, values: Iterable[Any]) -> list[str | NotALabel | None]:
        """`decode` for every value, with the error in the place of a value that is no label."""
        known: dict[Any, str | NotALabel | None] = {}
        decoded = []
        for value in values:
            key = repr(value) if self.kind == "nested" else value
            if key not in known:
                try:
                    known[key] = self.decode(value)
                except NotALabel as error:
                    known[key] = error
            decoded.append(known[key])
        return decoded

    def encode(self, name: str, like: Any = None) -> Any:
        """The Python value that the column holds for class ``name``: the inverse of `decode`.

        ``like``: a value of the column whose form the label takes where it is nested, or a list as text.
        """
        if self.kind == "nested":
            return in_form_of([None] if like is None and pa.types.is_list(self.type) else like, name)
        if self.kind == "class":
            return self.names.index(name)
        if self.kind == "integer":
            return int(name)
        if self.kind == "float":
            return float(int(name))
        if self.kind == "boolean":
            return name == "true"
        return cell_in_form_of(like, name) if isinstance(like, str) else name

    def classes(self, present: Collection[str]) -> tuple[str, ...]:
        """All class names in model order; ``present`` are those that occur in train."""
        if self.kind == "class":
            return self.names
        if self.kind in ("integer", "float"):
            return tuple(sorted(present, key=int))
        return tuple(sorted(present))


def class_names(schema: pa.Schema, column: str) -> tuple[str, ...]:
    """The names of a `datasets` column of ClassLabel, or of lists of it, as the schema describes itself."""
    try:
        described = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][column]
        if described["_type"] in ("List", "LargeList", "Sequence"):
            described = described["feature"]
        if described["_type"] != "ClassLabel":
            return ()
        return tuple(str(name) for name in described["names"])
    except (KeyError, TypeError, ValueError):
        return ()


def check_one_type(values: Sequence[Any], where: Callable[[int], object]) -> None:
    """`InputError` where labels are names in one row and numbers, or true and false, in another.

    ``where`` says the place of a row.
    """
    first: tuple[int, str] | None = None
    for i, value in enumerate(values):
        if isinstance(value, str | bool | int | float):
            kind = (
                "a name"
                if isinstance(value, str)
                else "true or false"
                if isinstance(value, bool)
                else "a number"
            )
            first = first or (i, kind)
            if kind != first[1]:
                raise InputError(
                    f"{where(i)}: labels of several types: {shown_value(value)} is {kind}, "
                    f"{shown_value(values[first[0]])} before it is {first[1]}; make all of them names"
                )


def class_places(labels: Iterable[str], classes: Sequence[str]) -> np.ndarray:
    """The place of each label among the classes: int64 (n). `KeyError` for one that is none."""
    place = {name: number for number, name in enumerate(classes)}
    return np.array([place[each] for each in labels], dtype=np.int64)


def check_two_classes(present: Collection[str], file: str, column: str) -> None:
    """`InputError` unless at least two classes are ``present``."""
    if len(present) < 2:
        raise InputError(
            f"{file}, column {column!r}: train needs at least two classes, it has only "
            f"{', '.join(map(quoted, present)) or 'none'}"
        )


def unknown_label(name: str, classes: Collection[str]) -> str:
    """The complaint about an eval label that train lacks."""
    return (
        f"label {shown_value(name)} does not occur in train, which has {listing(list(classes))}"
        f"{_like(name, classes)}"
    )


def unknown_class(name: str, classes: Collection[str]) -> str:
    """The complaint about a label that is no class of the workspace."""
    return (
        f"label {shown_value(name)} is none of the workspace's classes {listing(list(classes))}, "
        f"and the model has no output for it{_like(name, classes)}"
    )


def _like(name: str, classes: Collection[str]) -> str:
    """What to say where a label differs from a class only in spelling."""
    same = [match for _, match in spelling_notes([name], classes)]
    return f"; {quoted(same[0])} is spelled differently only: --merge-labels merges them" if same else ""
