"""One trial at a time: the lock of retraining, which reads the workspace and leaves its own lock free."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from backend.errors import InputError
from backend.folder import Folder
from backend.scratch import sweep

LOCK = ".lock"


@contextmanager
def alone(folder: Folder) -> Iterator[None]:
    """Hold it, and sweep what a killed trial left; explaining and deciding go on meanwhile.

    `InputError` while another process retrains, or where the folder cannot be written.
    """
    home = folder.retrains
    try:
        home.mkdir(exist_ok=True)
        lock = FileLock(home / LOCK)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(f"{folder.path}: another retraining is running; wait for it") from error
    except OSError as error:
        raise InputError(f"{home}: cannot be written ({error.strerror or error})") from error
    try:
        for place in (home, home / "outcomes", home / "models"):
            sweep(place)
        yield
    finally:
        lock.release()


def require_no_trial(folder: Folder) -> None:
    """`InputError` while another process retrains: asked for before anything slow is loaded.

    Leaves nothing behind: where nobody has retrained yet, nobody can be at it.
    """
    if (folder.retrains / LOCK).exists():
        with alone(folder):
            pass
