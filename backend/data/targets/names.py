"""What is said of the names of targets."""

from __future__ import annotations

from backend.data.columns import Columns
from backend.errors import InputError

MOST = 1000


def place(file: str, columns: Columns) -> str:
    """Where targets stand, for a message."""
    return f"{file}, column {', '.join(map(repr, columns.targets))}"


def check_count(count: int, file: str, columns: Columns) -> None:
    """`InputError` for so many names that the column can hardly be the right one."""
    if count > MOST:
        raise InputError(
            f"{place(file, columns)}: {count:,} different labels (at most {MOST:,}); "
            "is this the label column?"
        )
