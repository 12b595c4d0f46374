"""Opening a source file, plain or gzipped, with a cap on its uncompressed size."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from backend.data.messages import shown_bytes
from backend.errors import InputError

MAX_BYTES = 8 * 1024**3
LOOK_BYTES = 16 * 1024**2  # as many of them are read for the first rows
LONGEST_LINE = 64 * 1024**2
MOST_TIMES, ALWAYS = (
    100,
    64 * 1024**2,
)  # what a gzipped file may unpack to: so many times its size, or so much
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
    if size > limit == LOOK_BYTES:
        raise InputError(
            f"{name}: its first rows take more than {shown_bytes(limit)}; is it a table of rows?"
        )
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


class _Lines(io.BufferedReader):
    """Lines no longer than `LONGEST_LINE`: a file without line ends would be one, in memory as a whole."""

    def __init__(self, raw: io.RawIOBase, name: str) -> None:
        super().__init__(raw, buffer_size=1 << 20)
        self._called = name

    def __next__(self) -> bytes:
        line = self.readline(LONGEST_LINE + 1)
        if not line:
            raise StopIteration
        if len(line) > LONGEST_LINE:
            raise InputError(f"{self._called}: a line has more than {shown_bytes(LONGEST_LINE)}; is it text?")
        return line


def unpacked_limit(path: Path, name: str, limit: int) -> tuple[str, int]:
    """What to call a gzipped file, and how much it may unpack to, unless the user has set a cap."""
    packed = path.stat().st_size
    most = max(MOST_TIMES * packed, ALWAYS)
    if SETTING in os.environ or most >= limit:
        return name, limit
    return f"{name} ({shown_bytes(packed)} packed)", most


@contextmanager
def open_source(path: Path, name: str, limit: int) -> Iterator[io.BufferedReader]:
    """Yield the (unzipped) bytes of ``path``; `InputError` if unreadable, damaged or too large."""
    try:
        with path.open("rb") as raw:
            inner: BinaryIO = raw
            if path.suffix.lower() == ".gz":
                inner = gzip.GzipFile(fileobj=raw)  # type: ignore[assignment]
                name, limit = unpacked_limit(path, name, limit)
            yield _Lines(_Capped(inner, name, limit), name)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: cannot be read to its end ({error})") from error
