"""Reading targets from the cells of a source, and writing them back in the column's own type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import pyarrow as pa

from backend.data.choices import NotALabel
from backend.data.columns import Columns
from backend.data.labels import LabelCodec
from backend.data.targets.number_cells import NumberCodec
from backend.data.targets.set_cells import FlagsCodec, SetCodec


class TargetCodec(Protocol):
    """How the target column of a source, or its columns, hold targets."""

    @property
    def kind(self) -> str:
        """In which form."""

    def decode_all(self, values: Iterable[Any]) -> list[str | NotALabel | None]:
        """The target of each value: text, the reason why it is none, None where there is none."""


def codec_of(columns: Columns, schema: pa.Schema, file: str) -> TargetCodec:
    """The codec of the target columns; `InputError` for types that can't hold such targets."""
    if columns.task == "regression":
        return NumberCodec.of(schema, columns.label, file)
    if columns.task == "multilabel":
        if len(columns.labels) > 1:
            return FlagsCodec.of(schema, columns.labels, file)
        return SetCodec.of(schema, columns.label, file)
    return LabelCodec.of(schema, columns.label, file)


def target_values(columns: Columns, read: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """One value a row: the cell, or where several columns hold the target all its cells."""
    return read[0] if len(columns.labels) < 2 else list(zip(*read, strict=True))


def encoded(codec: TargetCodec, column: str, target: str, like: Any = None) -> Any:
    """What ``column`` holds for ``target``, in its own type and in the form of the cell ``like``.

    Raises `ValueError` where the type can't hold it.
    """
    if isinstance(codec, FlagsCodec):
        return codec.cell(column, target, like)
    assert isinstance(codec, LabelCodec | SetCodec | NumberCodec)
    return codec.encode(target, like)
