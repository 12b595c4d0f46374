"""The audit's table as records, and what it says in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pages.components.markup import short

if TYPE_CHECKING:  # torch is imported when there is something to compute
    from backend.audit.sources import Sources

Side = Literal["helps", "hurts", "unclear"]
SURE = 1.96  # standard errors of a 95 % interval
MOST_NAMED = 5
CLASSES_PULL = (
    "Classes pull against each other: the model gives such a class too readily, which says nothing against "
    "its rows."
)


@dataclass(frozen=True)
class SourceRow:
    """One source at one step (None: all checkpoints together)."""

    step: int | None
    source: str
    rows: int
    mean: float | None
    standard_error: float | None
    negative: float | None
    cosine: float
    weight: float

    @property
    def margin(self) -> float:
        """Half of the 95 % interval of the mean; 0 where it is not known."""
        return SURE * (self.standard_error or 0.0)

    @property
    def side(self) -> Side:
        """Whether the interval lies above 0, below, or around it."""
        if self.mean is None or self.standard_error is None or abs(self.mean) <= self.margin:
            return "unclear"
        return "helps" if self.mean > 0 else "hurts"


def source_rows(sources: Sources, step: int | None) -> list[SourceRow]:
    """The sources at a step, the most helpful first."""
    found = [SourceRow(**each) for each in sources.table.to_pylist() if each["step"] == step]
    return sorted(found, key=lambda each: (each.mean is None, -(each.mean or 0.0), each.source))


def steps_of(sources: Sources) -> list[int]:
    """The checkpoints' steps, in training order."""
    return list(dict.fromkeys(each for each in sources.table["step"].to_pylist() if each is not None))


def source_sentences(rows: Sequence[SourceRow], target: str, are_classes: bool = False) -> list[str]:
    """Which sources help, which hurt, and of which nothing can be told."""
    advice = CLASSES_PULL if are_classes else "Look at them first."
    endings: dict[Side, str] = {
        "helps": f"pulled the model towards the {target}: training on their rows lowered its loss there.",
        "hurts": f"pulled the model away from the {target}: training on their rows raised its loss there. "
        + advice,
        "unclear": "can't be told apart from no effect: the interval of their mean alignment holds 0.",
    }
    lines = []
    for side, ending in endings.items():
        names = [each.source for each in rows if each.side == side]
        if names:
            lines.append(f"{_listed(names)} {ending}")
    return lines


def hurting(rows: Sequence[SourceRow]) -> list[str]:
    """The sources that hurt for sure, the worst first, as many as sentences name."""
    return [each.source for each in reversed(rows) if each.side == "hurts"][:MOST_NAMED]


def _listed(names: Sequence[str]) -> str:
    shown = [f"“{short(name, 40)}”" for name in names[:MOST_NAMED]]
    if len(names) > MOST_NAMED:
        shown.append(f"{len(names) - MOST_NAMED:,} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
