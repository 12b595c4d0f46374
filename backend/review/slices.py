"""Named filters of a workspace, in one small file beside its log: ``slices.json``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock

from backend.data.messages import shown_value
from backend.data.slice import Slice
from backend.errors import InputError
from backend.files import read_marked, write_marked

LONGEST_NAME = 60
MOST = 200
_FILTERS = "filters"


def read_slices(path: Path) -> dict[str, Slice]:
    """The saved filters by name, in the order of their names; `InputError` if the file is damaged."""
    try:
        content = _by_name(read_marked(path))
        return {name: Slice(**filters) for name, filters in sorted(content.items())}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: damaged; delete it, and save the filters anew") from error


def save_slice(path: Path, name: str, wanted: Slice) -> None:
    """Keep a filter under a name, in the place of one that has it already."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(f"name of the filter: 1 to {LONGEST_NAME} characters that can be seen")
    with _locked(path):
        known = read_slices(path)
        if len(known) >= MOST and name not in known:
            raise InputError(f"there are {MOST} saved filters already; delete one first")
        _write(path, {**known, name: wanted})


def delete_slice(path: Path, name: str) -> None:
    """Forget a saved filter."""
    with _locked(path):
        known = read_slices(path)
        if known.pop(name, None) is None:
            raise InputError(f"{shown_value(name)}: no saved filter has this name")
        _write(path, known)


def _write(path: Path, slices: dict[str, Slice]) -> None:
    write_marked(path, {_FILTERS: {name: asdict(each) for name, each in slices.items()}})


def _by_name(content: dict[str, Any]) -> dict[str, Any]:
    """The filters of a file; one of an earlier Firstword has them at its top, any name among them."""
    inner = content.get(_FILTERS)
    if set(content) != {_FILTERS} or not isinstance(inner, dict):
        return content
    return inner if all(isinstance(each, dict) for each in inner.values()) else content


def _locked(path: Path) -> FileLock:
    return FileLock(path.with_name(f".{path.name}.lock"))
