"""Exporting the cleaned data, the removed rows or the patch, with a manifest and a data card beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from backend.data.card import Card, Standing
from backend.data.columns import LANGUAGE_MODEL
from backend.data.dataset import load_split
from backend.data.decided import Summary, What, selected, summary
from backend.data.export_target import (
    HF_CARD,
    HF_MANIFEST,
    Format,
    card_beside,
    check_target,
    manifest_beside,
)
from backend.data.messages import listing
from backend.data.rows import is_json
from backend.data.rowstate import RowState
from backend.data.write_table import first_rows, write_csv, write_datasets, write_jsonl, write_parquet
from backend.errors import InputError
from backend.files import read_json, replacing, set_aside, write_json
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
    card: Path
    what: What
    n_rows: int
    defused_cells: int
    nulled_numbers: int
    json_columns: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a program."""
        places = {name: str(getattr(self, name)) for name in ("path", "manifest", "card")}
        return {**asdict(self), **places}

    def lines(self, changed: str = "relabelled") -> list[str]:
        """A few lines for a person; ``changed``: what rows with another target are called."""
        rows = f"{self.path}: {self.n_rows:,} rows ({self.what})"
        decided = (
            f"of {self.n_before:,} training rows: removed {self.removed:,}, "
            f"{changed} {self.relabelled:,}, flagged {self.flagged:,}, kept {self.kept:,}"
        )
        notes = _Notes(self.defused_cells, self.nulled_numbers, self.json_columns)
        lines = [rows, decided, f"manifest: {self.manifest}", f"data card: {self.card}"]
        return [*lines, *notes.lines()]


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
    standing: Standing | None = None,
) -> ExportReport:
    """Write the export, its manifest and its data card; each appears whole, or nothing does.

    Where an earlier export is replaced, the manifest tells at every moment which of the two a file is: until
    the new data is in its place, it holds the manifest of the old one as ``previous``. The card of the old
    data goes before the new data come, and the new card comes after them: a card that is there is always
    that of the data that is there; where a process ended in between, there is none.

    ``out`` is a file, or for ``hf`` a folder. Manifest and card lie beside the file as
    ``NAME.manifest.json`` and ``NAME.card.md``, or in the folder as `HF_MANIFEST` and `HF_CARD`.
    ``standing``: what the card says beside the data. A csv named ``.tsv`` is written with
    tabs. In a patch, ids and labels are never defused: they must match the data. Raises `InputError` if
    ``out`` may not be written (see `backend.data.export_target.check_target`).
    """
    check_target(folder, format, out, overwrite)
    for name in (out.name, manifest_beside(out).name, card_beside(out).name):
        sweep(out.absolute().parent, name)
    table, described = _to_write(folder, states, what, format, standing)
    try:
        if format == "hf":
            place, card, notes = out / HF_MANIFEST, out / HF_CARD, _write_folder(table, out, described)
        else:
            place, card = manifest_beside(out), card_beside(out)
            notes = _write_file(table, out, described, defuse)
    except OSError as error:
        raise InputError(
            f"{out}: cannot be written ({error.strerror or error}); choose another --out"
        ) from error
    return ExportReport(
        **asdict(described.summary),
        path=out,
        manifest=place,
        card=card,
        what=what,
        n_rows=table.num_rows,
        **asdict(notes),
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


def card_preview(
    folder: Folder,
    states: Mapping[str, RowState],
    what: What,
    *,
    format: Format,
    name: str,
    standing: Standing | None = None,
) -> str:
    """The data card that `export` would write beside a file of this ``name``, without hashes."""
    return _to_write(folder, states, what, format, standing)[1].card(name, {}, _Notes())


def _to_write(
    folder: Folder, states: Mapping[str, RowState], what: What, format: Format, standing: Standing | None
) -> tuple[pa.Table, _Description]:
    """The rows of an export, and what is said beside them."""
    split = load_split(folder, "train")
    manifest = folder.manifest().model_copy(update={"data": split.info})  # of these rows, whatever comes
    table = selected(split, manifest.task, states, what)
    counts = summary(split, manifest.task, states)
    own = [state for row, state in states.items() if split.has(row)]
    name = folder.path.resolve().name
    return table, _Description(name, manifest, format, what, table.num_rows, counts, own, standing)


@dataclass(frozen=True)
class _Notes:
    """How the written data differs from the source's values."""

    defused_cells: int = 0
    nulled_numbers: int = 0
    json_columns: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """What there is to say, for a person."""
        said = (
            (
                self.defused_cells,
                f"{self.defused_cells:,} cells begin like a formula and got an apostrophe "
                "(--no-defuse writes them as they are)",
            ),
            (
                self.nulled_numbers,
                f"{self.nulled_numbers:,} numbers are NaN or infinite, which JSON lacks: null is written",
            ),
            (
                self.json_columns,
                f"values of several types, written as JSON text: columns {listing(self.json_columns)}",
            ),
        )
        return [line for there, line in said if there]


@dataclass(frozen=True)
class _Description:
    workspace: str
    source: Manifest
    format: Format
    what: What
    n_rows: int
    summary: Summary
    own: list[RowState]
    standing: Standing | None = None
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def card(self, name: str, files: dict[str, str], notes: _Notes) -> str:
        return Card(
            name=name,
            what=self.what,
            format=self.format,
            created=self.created,
            workspace=self.workspace,
            source=self.source,
            n_rows=self.n_rows,
            counts=self.summary,
            own=self.own,
            standing=self.standing or Standing(),
            notes=notes.lines(),
            files=files,
        ).markdown()

    def manifest(self, files: dict[str, str], card: Path, notes: _Notes) -> dict[str, Any]:
        return {
            "firstword_version": VERSION,
            "what": self.what,
            "format": self.format,
            "created": self.created,
            "workspace": self.workspace,
            "source": {"fingerprint": self.source.data.fingerprint, **self.source.data.sources},
            "task": self.source.task.name,
            "classes": list(self.source.classes),
            "n_rows": self.n_rows,
            **asdict(self.summary),
            **asdict(notes),
            "sha256": files,
            "card": {card.name: _sha256(card)},
        }


def _write_file(table: pa.Table, out: Path, described: _Description, defuse: bool) -> _Notes:
    place, card = manifest_beside(out), card_beside(out)
    new_manifest = not place.exists()
    previous = None if new_manifest else _previous(place, out)
    try:
        # Left from right to left: first the data come to their place, last the card.
        with replacing(card) as new_card, set_aside(card) as put_aside, replacing(out) as temporary:
            notes = _write(table, temporary, described, defuse)
            files = {out.name: _sha256(temporary)}
            new_card.write_text(described.card(out.name, files, notes), encoding="utf-8")
            # The manifest first, then the data: where data is found, its manifest is there too.
            content = described.manifest(files, new_card, notes)
            write_json(place, content if previous is None else {**content, "previous": previous})
            put_aside()
        if previous is not None:
            write_json(place, content)
    except BaseException:
        if new_manifest and not out.exists():
            place.unlink(missing_ok=True)
        raise
    return notes


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
        card = temporary / HF_CARD
        card.write_text(described.card(out.name, files, notes), encoding="utf-8")
        files[card.name] = _sha256(card)
        write_json(temporary / HF_MANIFEST, described.manifest(files, card, notes))
    return notes


def _json_columns(table: pa.Table) -> tuple[str, ...]:
    return tuple(field.name for field in table.schema if is_json(field))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
