"""FAISS prints remarks about files on disk from C++; the command line's stdout is for results only."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@contextmanager
def silent_stdout() -> Iterator[None]:
    """Send what compiled code writes to the process's standard output in this block nowhere."""
    flush = ctypes.CDLL(None).fflush
    with _lock:
        if not _is_open(1):
            yield
            return
        sys.stdout.flush()
        flush(None)
        kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        try:
            yield
        finally:
            flush(None)
            os.dup2(kept, 1)
            os.close(kept)
            os.close(nowhere)
