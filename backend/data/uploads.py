"""Files that came through the browser, kept in a folder of ours under names that we give."""

from __future__ import annotations

import hashlib
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from backend.data.messages import shown_value
from backend.data.sources import SUPPORTED, file_kind
from backend.data.stream import open_source
from backend.errors import InputError
from backend.files import replacing

MOST_BYTES = 100 * 1024**2
MOST_UNPACKED = 10 * MOST_BYTES
_STEM = 40  # characters of the user's file name that are kept, of letters, digits, - and _
_PLACE = re.compile(
    r"[0-9a-f]{16}/[A-Za-z0-9_-]{1,40}\.(csv|tsv|jsonl|ndjson|json-lines|json|txt|ft|parquet)(\.gz)?"
)
_CHUNK = 1 << 20


def keep_upload(content: BinaryIO, file_name: str, home: Path) -> Path:
    """Keep a file below ``home`` under its digest and a harmless name; the same content is kept once.

    `InputError` if its kind is not supported or it has more than `MOST_BYTES`.
    """
    kind = file_kind(file_name)
    if kind is None:
        raise InputError(f"{file_name[:100]!r}: cannot read this kind of file; {SUPPORTED}")
    place = home / _digest(content) / _safe_name(file_name, kind)
    if not place.is_file():
        content.seek(0)
        try:
            with replacing(place) as temporary:
                with temporary.open("wb") as out:
                    shutil.copyfileobj(content, out, _CHUNK)
                _check_unpacked(temporary, file_name)
        except BaseException:
            with suppress(OSError):  # the same content may be there under another name
                place.parent.rmdir()
            raise
    return place


def _check_unpacked(path: Path, file_name: str) -> None:
    """`InputError` where a gzipped file is none, or unpacks to far more than a file that is sent may have."""
    if path.suffix == ".gz":
        with open_source(path, shown_value(file_name), MOST_UNPACKED) as stream:
            while stream.read(_CHUNK):
                pass


def kept_upload(place: str, home: Path) -> Path | None:
    """The file at ``place`` (digest and name, as in an address) below ``home``; None if it is not ours."""
    path = home / place
    return path if _PLACE.fullmatch(place) and path.is_file() else None


def _safe_name(file_name: str, kind: str) -> str:
    base = Path(file_name.replace("\\", "/")).name.lower()
    zipped = ".gz" if base.endswith(".gz") else ""
    stem = base.removesuffix(zipped).removesuffix(kind)
    return (re.sub(r"[^A-Za-z0-9_-]+", "_", stem)[:_STEM].strip("_") or "upload") + kind + zipped


def _digest(content: BinaryIO) -> str:
    content.seek(0)
    state, size = hashlib.blake2b(digest_size=8), 0
    while chunk := content.read(_CHUNK):
        size += len(chunk)
        if size > MOST_BYTES:
            raise InputError(
                f"the file has more than {MOST_BYTES // 1024**2} MB; put it on this machine, name its path"
            )
        state.update(chunk)
    return state.hexdigest()
