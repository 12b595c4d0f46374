"""What rows of a stratum share, in words."""

from __future__ import annotations

import numpy as np

from backend.data.targets.label_sets import NONE
from backend.data.targets.space import Space


def strata_words(space: Space) -> str:
    """The one thing that they have alike."""
    words = {"choose many": "rarest label", "number": "fifth of the numbers", "text": "length of answers"}
    return words.get(space.edit, "class")


def each_stratum(space: Space) -> str:
    """All of them, one by one."""
    return f"{'every' if space.edit == 'choose' else 'each'} {strata_words(space)}"


def strata_names(space: Space, strata: np.ndarray) -> tuple[str, ...]:
    """Of every stratum, from those of some rows int64 (n) (see `Space.strata`)."""
    if space.edit == "number":
        return tuple(
            f"fifth {number + 1} of the numbers" for number in range(int(strata.max(initial=-1)) + 1)
        )
    return (*space.names, NONE) if space.edit == "choose many" else space.names
