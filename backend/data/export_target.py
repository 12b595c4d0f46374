"""Where an export may be written: never into a workspace, never over what is no earlier export."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal, get_args

from backend.data.card import MARK
from backend.data.messages import listing, shown_value
from backend.errors import InputError
from backend.folder import Folder

Format = Literal["csv", "jsonl", "parquet", "hf"]
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json-lines": "jsonl",
    ".parquet": "parquet",
}
# Names that promise another format than any that is written here.
OTHERS = (
    *(
        ".json",
        ".txt",
        ".xls",
        ".xlsx",
        ".ods",
        ".arrow",
        ".feather",
        ".orc",
        ".avro",
        ".xml",
        ".yaml",
        ".html",
    ),
    *(".db", ".sqlite", ".pkl", ".pickle", ".npy", ".npz", ".zip", ".gz", ".bz2", ".xz", ".zst", ".tar"),
)
HF_MANIFEST, HF_CARD = "firstword-manifest.json", "firstword-card.md"


def manifest_beside(out: Path) -> Path:
    """Where the manifest of an exported file lies."""
    return out.with_name(f"{out.name}.manifest.json")


def card_beside(out: Path) -> Path:
    """Where the data card of an exported file lies."""
    return out.with_name(f"{out.name}.card.md")


def check_target(folder: Folder, format: str, out: Path, overwrite: bool) -> None:
    """`InputError` unless ``out`` fits ``format``, is no part of the workspace, and may be written.

    What is there is replaced only with ``overwrite`` and only if an earlier export's manifest says
    that it was exported.
    """
    if format not in get_args(Format):
        raise InputError(f"format {shown_value(format)}: choose {listing(get_args(Format))}")
    if out.name in ("", ".."):
        raise InputError(f"--out {shown_value(str(out))}: give the name of the file or folder to write")
    suffix = out.suffix.lower()
    if suffix in OTHERS or SUFFIXES.get(suffix, format) != format:
        raise InputError(f"{out}: the name does not fit format {format}; choose another name or --format")
    try:
        os.fsencode(out), out.name.encode()
        _check_outside(folder, out)
        if not out.absolute().parent.is_dir() and out.absolute().parent != folder.exports.absolute():
            raise InputError(f"{out.parent}: no such folder; create it first or choose another --out")
        (_check_folder if format == "hf" else _check_file)(format, out, overwrite)
    except InputError:
        raise
    except (OSError, ValueError) as error:  # too long a name, a NUL, half of a surrogate pair
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{shown_value(str(out))}: cannot be written ({reason}); choose another --out"
        ) from error


def _check_outside(folder: Folder, out: Path) -> None:
    target, home = out.resolve(), folder.path.resolve()
    inside = target.is_relative_to(home) and folder.exports.resolve() not in target.parents
    if inside or home.is_relative_to(target):
        raise InputError(
            f"{out}: would overwrite parts of the workspace; choose another --out, such as "
            f"{folder.exports / (out.name or 'out')}"
        )


def _check_file(format: str, out: Path, overwrite: bool) -> None:
    place, card = manifest_beside(out), card_beside(out)
    for path in (out, place, card):
        if path.is_dir():
            raise InputError(f"{path}: is a folder; format {format} writes a file")
    if os.path.lexists(card) and not _is_card(card):
        raise InputError(f"{card}: exists and is no data card of an export; choose another --out")
    for path in (out, place):
        if os.path.lexists(path):
            if not _is_export(place):
                raise InputError(f"{path}: exists and is no earlier export; choose another --out")
            if not overwrite:
                raise InputError(f"{path}: exists already; choose another --out or pass --overwrite")


def _check_folder(format: str, out: Path, overwrite: bool) -> None:
    """Only a folder that an export made may be replaced: replacing deletes all that is in it."""
    if not os.path.lexists(out) or (out.is_dir() and not any(out.iterdir())):
        return
    if not _is_export(out / HF_MANIFEST):
        raise InputError(f"{out}: exists and is no earlier export; choose another --out")
    if not overwrite:
        raise InputError(f"{out}: exists already; choose another --out or pass --overwrite")


def _is_export(manifest: Path) -> bool:
    try:
        return "firstword_version" in json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def _is_card(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(len(MARK)) == MARK
    except (OSError, ValueError):
        return False
