"""What has been decided about one row, as export and review both see it."""

from dataclasses import dataclass
from typing import Literal

Action = Literal["keep", "flag", "remove", "relabel"]


@dataclass(frozen=True)
class RowState:
    """What is in force for one row.

    ``action`` is that of the row's newest decision in force, and so are ``reason``, ``author`` and ``at``.
    ``label`` is the class name of its newest relabel in force, whatever was decided after it; None if
    there is none. So a row that was relabelled and then flagged has ``flag`` and its new label.
    """

    action: Action
    label: str | None
    reason: str
    author: str
    at: str
