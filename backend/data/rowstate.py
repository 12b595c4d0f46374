"""What has been decided about one row, as export and review both see it."""

from dataclasses import dataclass
from typing import Literal

Action = Literal["keep", "flag", "remove", "relabel"]


@dataclass(frozen=True)
class RowState:
    """The decision in force; ``label`` is the new class name of a relabelled row, else None."""

    action: Action
    label: str | None
    reason: str
    author: str
    at: str
