"""Invented rows some of which carry a wrong target, and what is known of those."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class PlantedRows:
    """Rows with ``id``, ``text``, the target and ``source``, in a drawn order.

    ``habit``: the right target of the rows that are wrong in the same way, by id: the model learns it.
    ``slips``: that of the rows that are wrong by accident, each in a way of its own.
    """

    train: list[Row]
    evaluation: list[Row]
    habit: Mapping[str, Any]
    slips: Mapping[str, Any]

    @property
    def right(self) -> dict[str, Any]:
        """The right target of every wrong row, by id."""
        return {**self.habit, **self.slips}

    def write(self, folder: Path) -> tuple[Path, Path]:
        """``train.jsonl`` and ``eval.jsonl``."""
        folder.mkdir(parents=True, exist_ok=True)
        found = []
        for name, rows in (("train", self.train), ("eval", self.evaluation)):
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            found.append(folder / f"{name}.jsonl")
            found[-1].write_text("".join(lines), encoding="utf-8")
        return found[0], found[1]


class Draw:
    """Draws that are the same for the same ``seed``."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def one(self, among: Sequence[T]) -> T:
        """One of them."""
        return among[int(self._random.integers(len(among)))]

    def some(self, among: Sequence[T], count: int) -> list[T]:
        """``count`` different ones, in a drawn order."""
        return [among[place] for place in self._random.permutation(len(among))[:count].tolist()]

    def chance(self, share: float) -> bool:
        """Whether something happens that happens in ``share`` of all cases."""
        return bool(self._random.random() < share)


def without_repeats(count: int, write: Callable[[], Row], known: set[str]) -> list[Row]:
    """``count`` rows whose texts differ from each other and from ``known``, which they join."""
    rows: list[Row] = []
    while len(rows) < count:
        row = write()
        if row["text"] not in known:
            known.add(row["text"])
            rows.append(row)
    return rows
