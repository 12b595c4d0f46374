"""Protocols that need classes; loads nothing, so that a refusal comes at once."""

from __future__ import annotations

from backend.errors import InputError
from backend.manifest import TaskName


def require_classes(task: TaskName, protocol: str) -> None:
    """Raise `InputError` where rows have no class."""
    if task != "classification":
        raise InputError(f"--protocol {protocol}: needs classes; the task of this workspace is {task}")
