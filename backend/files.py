"""Writing files and folders whole or not at all, and what identifies their content."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from backend.errors import InputError
from backend.scratch import REPLACED, exchange, scratch_beside, sweep

_MARK = "digest"


def digest(*parts: object) -> str:
    """A short stable id (16 hex digits) of JSON-serialisable parts."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def existing(text: str) -> Path | None:
    """The path of what lies where ``text`` says; None where nothing does, or ``text`` can be no path at all.

    Users write names, lists and ids where a path may stand: too long a name, a NUL, a home of nobody.
    """
    try:
        path = Path(text).expanduser()
        return path if path.exists() else None
    except (OSError, ValueError, RuntimeError):
        return None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success flush it and rename it over ``path``.

    Works for a file or a folder. On any exception the temporary path is deleted and ``path`` is
    left as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with scratch_beside(path) as scratch:
        target = scratch / path.name
        yield target
        _flush(target)
        if not (path.is_dir() and exchange(target, path)):
            if path.is_dir():
                path.rename(scratch / REPLACED)
            target.replace(path)
        _sync(path.parent)


@contextmanager
def set_aside(path: Path) -> Iterator[Callable[[], None]]:
    """Yield what takes the file ``path``, if there is one, out of its place; an exception brings it back."""
    with scratch_beside(path) as scratch:
        kept = scratch / path.name

        def take() -> None:
            if os.path.lexists(path):
                path.rename(kept)

        try:
            yield take
        except BaseException:
            if os.path.lexists(kept):
                kept.rename(path)
            raise


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path`` that becomes ``path`` on success.

    Unlike `replacing` it never takes the place of a folder with content: `InputError` then.
    """
    new_parents = [each for each in path.parents if not each.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent, path.name)
    try:
        with scratch_beside(path) as scratch:
            (scratch / path.name).mkdir()
            yield scratch / path.name
            _flush(scratch / path.name)
            try:
                (scratch / path.name).rename(path)
            except OSError as error:
                raise InputError(
                    f"{path}: something else was put there meanwhile; nothing was written"
                ) from error
            _sync(path.parent)
    finally:
        with suppress(OSError):  # stops at the first that has content
            for parent in new_parents:
                parent.rmdir()


def _flush(path: Path) -> None:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    for file in files:
        file.chmod(file.stat().st_mode | 0o444)  # some writers leave files that only their owner may read
        _sync(file)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def allow_many_files() -> int | None:
    """Let this process have as many files open as the system permits, and say how many; None: not known."""
    with suppress(ImportError, OSError, ValueError):  # not everywhere can it be asked for
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        return None if most == resource.RLIM_INFINITY else most
    return None


def file_digest(path: Path) -> str:
    """Digest of a file's content: 32 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def folder_state(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of change of every file in a folder and below: differs once one is rewritten."""
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    states = [(each, each.stat()) for each in files]
    return [(str(each.relative_to(folder)), state.st_size, state.st_mtime_ns) for each, state in states]


def array_digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Digest of the content of named arrays: 32 hex digits."""
    state = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        state.update(name.encode())
        state.update(np.ascontiguousarray(arrays[name]).reshape(-1).view(np.uint8).data)
    return state.hexdigest()


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` to ``path`` whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_marked(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON object with a digest of itself, by which `read_marked` sees a change.

    Raises `ValueError` if it has something of the digest's name already.
    """
    if _MARK in content:
        raise ValueError(f"{path}: {_MARK!r} is the name of its digest")
    content = json.loads(json.dumps(content))  # as it will be read
    write_json(path, {**content, _MARK: digest(content)})


def read_marked(path: Path) -> dict[str, Any]:
    """What `write_marked` wrote; an object without digest, of an earlier Firstword, is taken as it is.

    Raises `OSError` if there is none, `ValueError` if it is damaged.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    mark = content.pop(_MARK, None)
    if isinstance(mark, dict):  # an earlier file that happens to have something of this name
        return {**content, _MARK: mark}
    if mark is not None and mark != digest(content):
        raise ValueError("its content has changed")
    return content


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in ``path``, or None where there is none or it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
