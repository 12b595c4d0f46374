"""Opening a source file, plain or gzipped, with a cap on its uncompressed size."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from backend.errors import InputError

MAX_BYTES = 8 * 1024**3
SETTING = "FIRSTWORD_MAX_SOURCE_BYTES"


def size_limit() -> int:
    """The cap in bytes: environment variable `SETTING`, else 8 GiB."""
    setting = os.environ.get(SETTING)
    if setting is None:
        return MAX_BYTES
    if not setting.isdecimal() or int(setting) == 0:
        raise InputError(f"{SETTING}={setting!r}: must be a whole number of bytes above 0")
    return int(setting)


def check_size(name: str, size: int, limit: int) -> None:
    """`InputError` if ``size`` bytes are over ``limit``."""
    if size > limit:
        raise InputError(f"{name}: more than {limit:,} bytes uncompressed; set {SETTING} to read it anyway")


class _Capped(io.RawIOBase):
    """Passes bytes through and raises `InputError` as soon as more than ``limit`` have come."""

    def __init__(self, inner: BinaryIO, name: str, limit: int) -> None:
        self._inner, self._name, self._limit, self._count = inner, name, limit, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        chunk = self._inner.read(len(buffer))
        self._count += len(chunk)
        check_size(self._name, self._count, self._limit)
        buffer[: len(chunk)] = chunk
        return len(chunk)


@contextmanager
def open_source(path: Path, name: str, limit: int) -> Iterator[io.BufferedReader]:
    """Yield the (unzipped) bytes of ``path``; `InputError` if unreadable, damaged or too large."""
    try:
        with path.open("rb") as raw:
            zipped = path.suffix.lower() == ".gz"
            inner: BinaryIO = gzip.GzipFile(fileobj=raw) if zipped else raw  # type: ignore[assignment]
            yield io.BufferedReader(_Capped(inner, name, limit), buffer_size=1 << 20)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: cannot be read to its end ({error})") from error
