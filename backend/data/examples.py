"""Examples as the model and its losses take them: fields of text in reading order, and a target for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from backend.data.conversation import Reading

FIELD_NAMES = ("text", "text_b")
"""What exports, tables of rows and answers call the fields, in reading order."""


@dataclass(frozen=True)
class Examples:
    """n examples. ``fields``: n strings each, in reading order (a text; the two texts of a pair).

    ``targets``: as text, one for each example; empty where nobody asks for them. ``reading``: of rows for
    language models, whose one field is their context (`backend.data.conversation`); None for all others.
    ``ids``: what the rows are called where something is wrong with one; empty where they have no names.
    """

    fields: tuple[Sequence[str], ...]
    targets: Sequence[str] = ()
    reading: Reading | None = None
    ids: Sequence[str] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        beside = [each for each in (self.targets, self.ids) if len(each)]
        counts = {len(each) for each in (*self.fields, *beside)}
        if len(counts) > 1:
            raise ValueError(f"fields, targets and ids of different lengths: {sorted(counts)}")

    @classmethod
    def of(
        cls, texts: Sequence[str], texts_b: Sequence[str] | None = None, targets: Sequence[str] = ()
    ) -> Examples:
        """Single texts, or pairs."""
        return cls((texts,) if texts_b is None else (texts, texts_b), targets)

    @classmethod
    def one(cls, *fields: str) -> Examples:
        """A single example without a target, from its fields."""
        return cls(tuple([each] for each in fields))

    def __len__(self) -> int:
        return len(self.fields[0])

    def __add__(self, other: Examples) -> Examples:
        """These and then those. Targets are lost where one side has none."""
        if len(self.fields) != len(other.fields):
            raise ValueError(f"examples of {len(self.fields)} and of {len(other.fields)} fields")
        fields = tuple([*one, *more] for one, more in zip(self.fields, other.fields, strict=True))
        both = (len(self.targets) or not len(self)) and (len(other.targets) or not len(other))
        named = [*self.ids, *other.ids] if len(self.ids) and len(other.ids) else ()
        return Examples(fields, [*self.targets, *other.targets] if both else (), self.reading, named)

    def take(self, places: Iterable[int] | np.ndarray) -> Examples:
        """The examples at 0-based places, in that order."""
        if isinstance(places, np.ndarray) and places.dtype == bool:
            raise TypeError("places are numbers, not a mask")
        chosen = places.tolist() if isinstance(places, np.ndarray) else list(places)
        fields = tuple([each[place] for place in chosen] for each in self.fields)
        targets, ids = (
            [part[place] for place in chosen] if len(part) else () for part in (self.targets, self.ids)
        )
        return Examples(fields, targets, self.reading, ids)

    def part(self, start: int, end: int) -> Examples:
        """The examples from place ``start`` to before ``end``."""
        fields = tuple(each[start:end] for each in self.fields)
        return Examples(fields, self.targets[start:end], self.reading, self.ids[start:end])

    def row(self, place: int) -> tuple[str, ...]:
        """The fields of one example."""
        return tuple(each[place] for each in self.fields)

    def columns(self) -> dict[str, Sequence[str]]:
        """The fields by the names that exports, copies and tables of rows give them."""
        return dict(zip(FIELD_NAMES, self.fields, strict=False))

    def joined(self) -> list[str]:
        """The fields of each example as one text, one below the other."""
        return ["\n".join(row) for row in zip(*self.fields, strict=True)]

    def with_targets(self, targets: Sequence[str]) -> Examples:
        """The same fields with other targets."""
        return Examples(self.fields, targets, self.reading, self.ids)

    @property
    def pair(self) -> tuple[Sequence[str], Sequence[str] | None]:
        """First field, and second or None: as digests of existing workspaces were made."""
        return self.fields[0], self.fields[1] if len(self.fields) > 1 else None
