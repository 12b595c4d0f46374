"""Whether a file is what was recorded of it: a process reads it once in full, then goes by its state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backend.files import file_digest

_State = tuple[int, int, int, int, int]
_known: dict[Path, tuple[_State, str]] = {}


def content_digest(path: Path) -> str:
    """`file_digest` of a file, read again only once device, inode, size or a time of it has changed.

    `OSError` if it can't be read.
    """
    path = path.absolute()
    state = path.stat()
    now = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    before = _known.get(path)
    if before is None or before[0] != now:
        before = _known[path] = (now, file_digest(path))
    return before[1]


def recorded_files(home: Path, details: Mapping[str, Any]) -> dict[Path, str]:
    """The files of an artifact in ``home`` with their digests; a name that leads elsewhere is none."""
    return {home / name: mark for name, mark in details.get("files", {}).items() if Path(name).name == name}


def as_recorded(path: Path, recorded: str | None) -> bool:
    """Whether a file is there with the digest that was recorded; any content, if none was."""
    try:
        return path.is_file() if recorded is None else content_digest(path) == recorded
    except OSError:
        return False
