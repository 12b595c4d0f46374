"""Exporting the cleaned data, the removed rows or the patch, with a manifest that says what it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from backend.data.columns import LANGUAGE_MODEL
from backend.data.dataset import load_split
from backend.data.decided import Summary, What, selected, summary
from backend.data.export_target import HF_MANIFEST, Format, check_target, manifest_beside
from backend.data.messages import listing
from backend.data.rows import is_json
from backend.data.rowstate import RowState
from backend.data.write_table import first_rows, write_csv, write_datasets, write_jsonl, write_parquet
from backend.errors import InputError
from backend.files import read_json, replacing, write_json
from backend.folder import Folder
from backend.manifest import Manifest
from backend.scratch import sweep
from backend.version import VERSION

# The columns of a patch that must match the data, whatever they begin with.
PATCH_KEYS = ("id", "old_label", "new_label")


@dataclass(frozen=True)
class ExportReport(Summary):
    """What was written where, and the counts of what changes.

    ``defused_cells``: cells of a csv that got an apostrophe; ``nulled_numbers``: NaN and infinite numbers
    for which jsonl has null; ``json_columns``: columns of values of several types, which csv and hf hold
    as JSON text.
    """

    path: Path
    manifest: Path
    what: What
    n_rows: int
    defused_cells: int
    nulled_numbers: int
    json_columns: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a program."""
        return {**asdict(self), "path": str(self.path), "manifest": str(self.manifest)}

    def lines(self, changed: str = "relabelled") -> list[str]:
        """A few lines for a person; ``changed``: what rows with another target are called."""
        rows = f"{self.path}: {self.n_rows:,} rows ({self.what})"
        decided = (
            f"of {self.n_before:,} training rows: removed {self.removed:,}, "
            f"{changed} {self.relabelled:,}, flagged {self.flagged:,}, kept {self.kept:,}"
        )
        lines = [rows, decided, f"manifest: {self.manifest}"]
        if self.defused_cells:
            lines.append(
                f"{self.defused_cells:,} cells begin like a formula and got an apostrophe "
                "(--no-defuse writes them as they are)"
            )
        if self.nulled_numbers:
            lines.append(
                f"{self.nulled_numbers:,} numbers are NaN or infinite, which JSON lacks: null is written"
            )
        if self.json_columns:
            lines.append(
                f"values of several types, written as JSON text: columns {listing(self.json_columns)}"
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

    Where an earlier export is replaced, the manifest tells at every moment which of the two a file is: until
    the new data is in its place, it holds the manifest of the old one as ``previous``.

    ``out`` is a file, or for ``hf`` a folder. The manifest lies beside the file as
    ``NAME.manifest.json``, or in the folder as `HF_MANIFEST`. A csv named ``.tsv`` is written with
    tabs. In a patch, ids and labels are never defused: they must match the data. Raises `InputError` if
    ``out`` may not be written (see `backend.data.export_target.check_target`).
    """
    check_target(folder, format, out, overwrite)
    for name in (out.name, manifest_beside(out).name):
        sweep(out.absolute().parent, name)
    split = load_split(folder, "train")
    manifest = folder.manifest().model_copy(update={"data": split.info})  # of these rows, whatever comes
    table = selected(split, manifest.task, states, what)
    counts = summary(split, manifest.task, states)
    described = _Description(folder.path.resolve().name, manifest, format, what, table.num_rows, counts)
    try:
        if format == "hf":
            place, notes = out / HF_MANIFEST, _write_folder(table, out, described)
        else:
            place, notes = _write_file(table, out, described, defuse)
    except OSError as error:
        raise InputError(
            f"{out}: cannot be written ({error.strerror or error}); choose another --out"
        ) from error
    return ExportReport(
        **asdict(counts), path=out, manifest=place, what=what, n_rows=table.num_rows, **asdict(notes)
    )


def preview(folder: Folder, states: Mapping[str, RowState], what: What, limit: int = 20) -> ExportPreview:
    """What `export` would write, with the first ``limit`` rows as Python values."""
    task = folder.manifest().task
    split = load_split(folder, "train")
    table = selected(split, task, states, what)
    rows = first_rows(table, limit)
    return ExportPreview(
        **asdict(summary(split, task, states)),
        what=what,
        n_rows=table.num_rows,
        columns=table.column_names,
        rows=rows,
    )


@dataclass(frozen=True)
class _Notes:
    """How the written data differs from the source's values."""

    defused_cells: int = 0
    nulled_numbers: int = 0
    json_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Description:
    workspace: str
    source: Manifest
    format: Format
    what: What
    n_rows: int
    summary: Summary

    def manifest(self, files: dict[str, str], notes: _Notes) -> dict[str, Any]:
        return {
            "firstword_version": VERSION,
            "what": self.what,
            "format": self.format,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "workspace": self.workspace,
            "source": {"fingerprint": self.source.data.fingerprint, **self.source.data.sources},
            "task": self.source.task.name,
            "classes": list(self.source.classes),
            "n_rows": self.n_rows,
            **asdict(self.summary),
            **asdict(notes),
            "sha256": files,
        }


def _write_file(table: pa.Table, out: Path, described: _Description, defuse: bool) -> tuple[Path, _Notes]:
    place = manifest_beside(out)
    new_manifest = not place.exists()
    previous = None if new_manifest else _previous(place, out)
    try:
        with replacing(out) as temporary:
            notes = _write(table, temporary, described, defuse)
            # The manifest first, then the data: where data is found, its manifest is there too.
            content = described.manifest({out.name: _sha256(temporary)}, notes)
            write_json(place, content if previous is None else {**content, "previous": previous})
        if previous is not None:
            write_json(place, content)
    except BaseException:
        if new_manifest and not out.exists():
            place.unlink(missing_ok=True)
        raise
    return place, notes


def _previous(place: Path, out: Path) -> dict[str, Any] | None:
    """The manifest of the export that is at ``out`` now; None where none is there to be replaced."""
    try:
        sha256 = _sha256(out)
    except OSError:
        return None
    known = read_json(place) or {}
    known = known.get("previous", known) if known.get("sha256") != {out.name: sha256} else known
    return {name: value for name, value in known.items() if name != "previous"}


def _write(table: pa.Table, path: Path, described: _Description, defuse: bool) -> _Notes:
    if described.format == "jsonl":
        return _Notes(nulled_numbers=write_jsonl(table, path))
    if described.format == "parquet":
        write_parquet(table, path)
        return _Notes()
    patch = described.what == "patch"
    texts = described.source.task.name == LANGUAGE_MODEL  # any text, so what a spreadsheet would run, too
    keys = () if not patch else ("id",) if texts else PATCH_KEYS
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    defused = write_csv(table, path, defuse, keys=keys, delimiter=delimiter, reversible=patch)
    return _Notes(defused_cells=defused, json_columns=_json_columns(table))


def _write_folder(table: pa.Table, out: Path, described: _Description) -> _Notes:
    notes = _Notes(json_columns=_json_columns(table))
    with replacing(out) as temporary:
        write_datasets(table, temporary)
        files = {path.name: _sha256(path) for path in sorted(temporary.iterdir())}
        write_json(temporary / HF_MANIFEST, described.manifest(files, notes))
    return notes


def _json_columns(table: pa.Table) -> tuple[str, ...]:
    return tuple(field.name for field in table.schema if is_json(field))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
