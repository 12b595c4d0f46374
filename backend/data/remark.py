"""Something that was noticed in data and does not stop an import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Place = Callable[[int], str]  # where the row at a 0-based place stands


@dataclass(frozen=True)
class Remark:
    """``kind`` is for programs; ``count`` rows or classes are meant, ``first``: place of the first."""

    kind: str
    text: str
    count: int = 0
    first: str = ""

    def __str__(self) -> str:
        return f"{self.text} (first: {self.first})" if self.first else self.text


def of_rows(kind: str, text: str, rows: Sequence[int], place: Place) -> list[Remark]:
    """A remark about the rows at these places; none if there are none."""
    return [Remark(kind, text, len(rows), place(rows[0]))] if len(rows) else []


def count_of(n: int, one: str, many: str | None = None) -> str:
    """ "1 row", "2 rows"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
