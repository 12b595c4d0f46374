"""Any number of K labels: a target is their names, sorted and joined, or `NONE`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from backend.data.choices import NotALabel
from backend.data.messages import listing, shown_value
from backend.data.targets.space import Edit
from backend.errors import InputError
from backend.manifest import TaskName

SEPARATOR = ";"
NONE = "(none)"
"""The target without any label."""
NOT = "not "
"""Before a label: the question why it is not there."""


def joined(names: Iterable[str]) -> str:
    """The target that holds these labels; `NotALabel` for a name that could not be read back."""
    chosen = sorted({each.strip() for each in names})
    for each in chosen:
        if not each or SEPARATOR in each or each == NONE:
            raise NotALabel(f"{shown_value(each)} can't be a label: blank, {NONE}, or with a {SEPARATOR!r}")
    return f"{SEPARATOR} ".join(chosen) or NONE


def parted(target: str) -> tuple[str, ...]:
    """The labels that a target holds."""
    return () if target == NONE else tuple(target.split(f"{SEPARATOR} "))


@dataclass(frozen=True)
class LabelSetSpace:
    """Numbers are a row of 0 and 1 for each target, in the order of ``names``."""

    names: tuple[str, ...]
    task: TaskName = "multilabel"
    edit: Edit = "choose many"

    def numbers(self, targets: Iterable[str]) -> np.ndarray:
        """float32 (n, K)."""
        rows = [parted(each) for each in targets]
        place = {name: number for number, name in enumerate(self.names)}
        found = np.zeros((len(rows), len(self.names)), dtype=np.float32)
        for row, labels in enumerate(rows):
            found[row, [place[each] for each in labels]] = 1
        return found

    def targets(self, numbers: np.ndarray) -> list[str]:
        """The labels whose number is above one half."""
        return [joined(self.names[place] for place in np.flatnonzero(row > 0.5)) for row in numbers]

    def read(self, typed: str) -> str:
        """``a; b`` in any order; `NONE` or nothing for none."""
        plain = [] if typed.strip() in ("", NONE) else [each.strip() for each in typed.split(SEPARATOR)]
        unknown = [each for each in plain if each not in self.names]
        if unknown:
            raise InputError(
                f"label {shown_value(unknown[0])} is none of {listing(self.names)}; "
                f"several are joined by {SEPARATOR!r}, none is {NONE}"
            )
        return joined(plain)

    def oddity(self, target: str) -> str:
        """Nothing: the names are those of the training rows."""
        return ""

    def strata(self, targets: Sequence[str]) -> np.ndarray:
        """The place of each row's rarest label, K without any."""
        rows = [parted(each) for each in targets]
        counts = Counter(label for row in rows for label in row)
        place = {name: number for number, name in enumerate(self.names)}
        rarest = [min(row, key=lambda label: (counts[label], label), default=None) for row in rows]
        return np.array([len(place) if each is None else place[each] for each in rarest], dtype=np.int64)

    def labels_of(self, target: str) -> tuple[str, ...]:
        """Its labels."""
        return parted(target)

    def shown(self, target: str) -> str:
        """The target itself."""
        return target
