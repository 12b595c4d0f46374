"""Scratch folders beside what they become: one that a killed process left is told from one in use.

Whoever fills a scratch folder holds a lock on the folder itself, which the system gives back when the process
ends, however it ends. So anyone may sweep at any time: only what nobody holds is deleted.
"""

from __future__ import annotations

import ctypes
import fcntl
import glob
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
REPLACED = "replaced"  # in a scratch folder: what stood in the place of a new folder


@contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """A new hidden folder ``.NAME.*.tmp`` beside ``path``, deleted at the end."""
    while True:
        scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
        descriptor = _hold(scratch, wait=True)
        if descriptor is not None or scratch.is_dir():  # else it was swept in this very moment
            break
    try:
        yield scratch
    finally:
        try:
            shutil.rmtree(scratch, ignore_errors=True)
        finally:
            if descriptor is not None:
                os.close(descriptor)


def exchange(one: Path, other: Path) -> bool:
    """Let two paths change places in one step; False where the system has no such step (Linux has)."""
    call = getattr(ctypes.CDLL(None), "renameat2", None)
    return call is not None and call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


def sweep(place: Path, name: str | None = None) -> None:
    """Delete the scratch folders in ``place`` (those for ``name``) that killed processes left.

    With a name, ``place`` may be a folder of the user's: only what `scratch_beside` can have made is ours.
    A folder that was to be replaced, and whose successor never came, is put back.
    """
    for leftover in place.glob(".*.tmp" if name is None else f".{glob.escape(name)}.*.tmp"):
        if name is not None and not re.fullmatch(rf"\.{re.escape(name)}\.[a-z0-9_]{{8}}\.tmp", leftover.name):
            continue
        descriptor = _hold(leftover, wait=False)
        if descriptor is None:
            continue
        try:
            _put_back(leftover)
            shutil.rmtree(leftover, ignore_errors=True)
        finally:
            os.close(descriptor)


def _put_back(leftover: Path) -> None:
    """Where a process ended between taking the old folder away and putting the new one there."""
    name = leftover.name[1:].rpartition(".tmp")[0].rpartition(".")[0]
    if name and (leftover / REPLACED).is_dir() and not os.path.lexists(leftover.with_name(name)):
        with suppress(OSError):
            (leftover / REPLACED).rename(leftover.with_name(name))


def _hold(folder: Path, *, wait: bool) -> int | None:
    """A descriptor that holds the lock of ``folder``; None if another holds it or it is gone.

    Where a file system knows no locks (`OSError`), what is new is used without, and nothing is swept.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        if os.path.samestat(os.fstat(descriptor), folder.stat()):
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None
