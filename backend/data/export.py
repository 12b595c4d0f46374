"""Exporting the cleaned data, the removed rows or the patch, with a manifest that says what it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa

from backend.data.dataset import load_split
from backend.data.decided import Summary, What, selected, summary
from backend.data.messages import listing, shown_value
from backend.data.rowstate import RowState
from backend.data.write_table import rows_of, write_csv, write_datasets, write_jsonl, write_parquet
from backend.errors import InputError
from backend.folder import Folder, Manifest, replacing, write_json
from backend.version import VERSION

Format = Literal["csv", "jsonl", "parquet", "hf"]
SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
HF_MANIFEST = "firstword-manifest.json"


@dataclass(frozen=True)
class ExportReport(Summary):
    """What was written where, and the counts of what changes."""

    path: Path
    manifest: Path
    what: What
    n_rows: int
    defused_cells: int

    def to_json(self) -> dict[str, Any]:
        """Plain values for a program."""
        return {**asdict(self), "path": str(self.path), "manifest": str(self.manifest)}

    def lines(self) -> list[str]:
        """A few lines for a person."""
        rows = f"{self.path}: {self.n_rows:,} rows ({self.what})"
        decided = (
            f"of {sum(self.before.values()):,} training rows: removed {self.removed:,}, "
            f"relabelled {self.relabelled:,}, flagged {self.flagged:,}, kept {self.kept:,}"
        )
        lines = [rows, decided, f"manifest: {self.manifest}"]
        if self.defused_cells:
            lines.append(
                f"{self.defused_cells:,} cells begin like a formula and got an apostrophe "
                "(--no-defuse writes them as they are)"
            )
        return lines


@dataclass(frozen=True)
class ExportPreview(Summary):
    """What an export would hold: columns, number of rows, first rows, and the counts of what changes."""

    what: What
    n_rows: int
    columns: list[str]
    rows: list[dict[str, Any]]


def export(
    folder: Folder,
    states: Mapping[str, RowState],
    *,
    format: Format,
    out: Path,
    what: What = "cleaned",
    overwrite: bool = False,
    defuse: bool = True,
) -> ExportReport:
    """Write the export and its manifest; both appear whole, or nothing does.

    ``out`` is a file, or for ``hf`` a folder. The manifest lies beside the file as
    ``NAME.manifest.json``, or in the folder as `HF_MANIFEST`. Raises `InputError` if ``out`` is
    there already (unless ``overwrite``) or does not fit ``format``.
    """
    _check_target(format, out, overwrite)
    manifest = folder.manifest()
    split = load_split(folder, "train")
    table = selected(split, manifest.classes, states, what)
    counts = summary(split, manifest.classes, states)
    described = _Description(folder.path.resolve().name, manifest, format, what, table.num_rows, counts)
    try:
        if format == "hf":
            place, defused = out / HF_MANIFEST, _write_folder(table, out, described)
        else:
            place, defused = _write_file(table, out, described, defuse)
    except OSError as error:
        raise InputError(
            f"{out}: cannot be written ({error.strerror or error}); choose another --out"
        ) from error
    return ExportReport(
        **asdict(counts), path=out, manifest=place, what=what, n_rows=table.num_rows, defused_cells=defused
    )


def preview(folder: Folder, states: Mapping[str, RowState], what: What, limit: int = 20) -> ExportPreview:
    """What `export` would write, with the first ``limit`` rows as Python values."""
    classes = folder.manifest().classes
    split = load_split(folder, "train")
    table = selected(split, classes, states, what)
    rows = list(islice(rows_of(table), limit))
    return ExportPreview(
        **asdict(summary(split, classes, states)),
        what=what,
        n_rows=table.num_rows,
        columns=table.column_names,
        rows=rows,
    )


@dataclass(frozen=True)
class _Description:
    workspace: str
    source: Manifest
    format: Format
    what: What
    n_rows: int
    summary: Summary

    def manifest(self, files: dict[str, str], defused: int) -> dict[str, Any]:
        return {
            "firstword_version": VERSION,
            "what": self.what,
            "format": self.format,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "workspace": self.workspace,
            "source": {"fingerprint": self.source.data.fingerprint, **self.source.data.sources},
            "classes": list(self.source.classes),
            "n_rows": self.n_rows,
            **asdict(self.summary),
            "defused_cells": defused,
            "sha256": files,
        }


def _check_target(format: str, out: Path, overwrite: bool) -> None:
    if format not in get_args(Format):
        raise InputError(f"format {shown_value(format)}: choose {listing(get_args(Format))}")
    suffix = out.suffix.lower()
    if suffix == ".gz" or SUFFIXES.get(suffix, format) != format:
        raise InputError(f"{out}: the name does not fit format {format}; choose another name or --format")
    if format == "hf":
        _check_folder(out, overwrite)
        return
    for path in (out, _beside(out)):
        if path.is_dir():
            raise InputError(f"{path}: is a folder; format {format} writes a file")
        if path.exists() and not overwrite:
            raise InputError(f"{path}: exists already; choose another --out or pass --overwrite")


def _check_folder(out: Path, overwrite: bool) -> None:
    """Only a folder that an export made may be replaced: replacing deletes all that is in it."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / HF_MANIFEST).is_file():
        raise InputError(f"{out}: exists and is no earlier export; choose another --out")
    if not overwrite:
        raise InputError(f"{out}: exists already; choose another --out or pass --overwrite")


def _beside(out: Path) -> Path:
    return out.with_name(f"{out.name}.manifest.json")


def _write_file(table: pa.Table, out: Path, described: _Description, defuse: bool) -> tuple[Path, int]:
    place, defused = _beside(out), 0
    new_manifest = not place.exists()
    try:
        with replacing(out) as temporary:
            if described.format == "csv":
                defused = write_csv(table, temporary, defuse)
            elif described.format == "jsonl":
                write_jsonl(table, temporary)
            else:
                write_parquet(table, temporary)
            # The manifest first, the data last: where data is found, its manifest is there too.
            write_json(place, described.manifest({out.name: _sha256(temporary)}, defused))
    except BaseException:
        if new_manifest and not out.exists():
            place.unlink(missing_ok=True)
        raise
    return place, defused


def _write_folder(table: pa.Table, out: Path, described: _Description) -> int:
    with replacing(out) as temporary:
        write_datasets(table, temporary)
        files = {path.name: _sha256(path) for path in sorted(temporary.iterdir())}
        write_json(temporary / HF_MANIFEST, described.manifest(files, 0))
    return 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
