"""Reading targets from the cells of a source, and writing them back in the column's own type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from backend.data.choices import NotALabel
from backend.data.columns import Columns


class TargetCodec(Protocol):
    """How the target column of a source, or its columns, hold targets."""

    @property
    def kind(self) -> str:
        """In which form."""

    def decode_all(self, values: Iterable[Any]) -> list[str | NotALabel | None]:
        """The target of each value: text, the reason why it is none, None where there is none."""


def target_values(columns: Columns, read: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """One value a row: the cell, or where several columns hold the target all its cells."""
    return read[0] if len(columns.labels) < 2 else list(zip(*read, strict=True))


def encoded(codec: TargetCodec, column: str, target: str, like: Any = None) -> Any:
    """What ``column`` holds for ``target``, in its own type and in the form of the cell ``like``.

    Raises `ValueError` where the type can't hold it.
    """
    return codec.cell(column, target, like) if codec.kind == "flags" else codec.encode(target, like)  # type: ignore[attr-defined]
