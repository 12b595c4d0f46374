"""Numbers in cells."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from backend.data.choices import NotALabel
from backend.data.messages import shown_type, shown_value
from backend.data.rows import is_json, is_text
from backend.data.targets.number_space import LARGEST, as_target, number_in
from backend.errors import InputError


@dataclass(frozen=True)
class NumberCodec:
    """A column of numbers, or of numbers as text."""

    kind: Literal["integer", "float", "text"]
    type: pa.DataType

    @classmethod
    def of(cls, schema: pa.Schema, column: str, file: str) -> NumberCodec:
        """The codec of ``column``; `InputError` for types that can't be numbers."""
        field = schema.field(column)
        if not is_json(field):
            if pa.types.is_integer(field.type):
                return cls("integer", field.type)
            if pa.types.is_floating(field.type) or pa.types.is_decimal(field.type):
                return cls("float", field.type)
            if is_text(field.type) or pa.types.is_null(field.type):
                return cls("text", field.type)
        found = "values of several types" if is_json(field) else shown_type(field.type)
        raise InputError(f"{file}, column {column!r}: {found} can't be numbers to predict")

    def decode(self, value: Any) -> str | None:
        """The target of one cell; None where there is none. Raises `NotALabel`."""
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        number = number_in(value) if isinstance(value, str) else float(value)
        if number is None:
            raise NotALabel(f"{shown_value(value)} is no number")
        if math.isnan(number):
            return None
        if abs(number) > LARGEST:
            raise NotALabel(f"{shown_value(value)} is too large a number to learn")
        return as_target(self._as_written(number))

    def _as_written(self, number: float) -> float:
        """The shortest number that the column's type holds as this one: 0.1 of a float32, not
        0.10000000149."""
        if pa.types.is_float32(self.type):
            return float(str(np.float32(number)))
        return float(str(np.float16(number))) if pa.types.is_float16(self.type) else number

    def decode_all(self, values: Iterable[Any]) -> list[str | NotALabel | None]:
        """`decode` for every cell, with the error in the place of one that holds no number."""
        found: list[str | NotALabel | None] = []
        for value in values:
            try:
                found.append(self.decode(value))
            except NotALabel as error:
                found.append(error)
        return found

    def encode(self, target: str, like: Any = None) -> Any:
        """The cell that holds ``target``: the inverse of `decode`. `ValueError` where the type can't."""
        if self.kind == "text":
            return target
        if self.kind == "integer":
            return int(target)
        if pa.types.is_float16(self.type) and abs(float(target)) > float(np.finfo(np.float16).max):
            raise ValueError(f"{target} is too large for the column")
        if pa.types.is_decimal(self.type):
            from decimal import Decimal

            return Decimal(target)
        return float(target)
