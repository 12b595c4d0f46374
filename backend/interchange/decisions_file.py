"""A file with decisions, of whatever tool: what it is, and the rows of the patch that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from backend.data.columns import Columns
from backend.data.dataset import Split
from backend.data.json_records import json_records
from backend.data.messages import listing, shown_name
from backend.data.patch import NEEDED, PatchRow, read_patch
from backend.data.rejected import Rejections
from backend.data.sources import JSON, file_kind, is_local
from backend.data.sources import read as read_source
from backend.data.stream import open_source, size_limit
from backend.data.targets.space import Space
from backend.errors import InputError
from backend.interchange import argilla, label_issues, label_studio
from backend.interchange.agreement import decisions
from backend.interchange.said import Judgements

Kind = Literal["patch", "argilla", "label-studio", "cleanlab"]
KINDS: tuple[Kind, ...] = get_args(Kind)
NAMED: dict[Kind, str] = {
    "patch": "a patch of Firstword",
    "argilla": "records of Argilla",
    "label-studio": "an export of Label Studio",
    "cleanlab": "cleanlab's label issues",
}
Records = list[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class Reading:
    """How to read a file. ``kind``: of which tool, None to see by its content. ``question``, ``majority``: of
    Argilla and Label Studio (see `backend.interchange.agreement`)."""

    kind: Kind | None = None
    question: str | None = None
    majority: bool = False

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise InputError(f"--from {self.kind}: must be one of {', '.join(KINDS)}")


@dataclass(frozen=True)
class DecisionsFile:
    """What a file decides. ``notes``: what there is to say about it, in sentences."""

    kind: Kind
    rows: list[PatchRow]
    notes: list[str]


def read_decisions(
    source: str, reading: Reading, train: Split, space: Space, labels: Mapping[str, str]
) -> DecisionsFile:
    """The decisions in a file; ``labels``: those in force of rows that have another one than they came with.

    `InputError` for what is no such file, and as `read_patch`, `decisions` and `label_issues.read` say.
    """
    name = shown_name(source)
    if not is_local(source):
        raise InputError(
            f"{name}: no such file; give a patch, or an export of Argilla, Label Studio or cleanlab"
        )
    if reading.kind == "patch":
        return DecisionsFile("patch", read_patch(source, texts=space.edit == "text"), [])
    records = _records(source, name)
    kind = reading.kind or _recognised(records, name)
    if kind == "patch":
        return DecisionsFile(kind, read_patch(source, texts=space.edit == "text"), [])
    if kind == "cleanlab":
        if label_issues.ISSUE not in records[0][1]:
            raise InputError(f"{name}: no column {label_issues.ISSUE!r}; there are {listing(records[0][1])}")
        return DecisionsFile(kind, *label_issues.read(records, train, space))
    found: Judgements = (argilla if kind == "argilla" else label_studio).read(_checked(records, kind))
    options = {"question": reading.question, "majority": reading.majority}
    return DecisionsFile(kind, *decisions(found, train, space, labels, **options))  # type: ignore[arg-type]


def _recognised(records: Records, name: str) -> Kind:
    first = records[0][1]
    for kind, fits in (
        ("patch", set(NEEDED) <= first.keys()),
        ("cleanlab", label_issues.is_frame(list(first))),
        ("label-studio", label_studio.is_task(first)),
        ("argilla", argilla.is_record(first)),
    ):
        if fits:
            return kind  # type: ignore[return-value]
    raise InputError(
        f"{name}: no decisions; a patch has {', '.join(NEEDED)}, a frame {label_issues.ISSUE}, a task of "
        f"Label Studio data and annotations, a record of Argilla fields and responses; here {listing(first)}"
    )


def _checked(records: Records, kind: Kind) -> Records:
    fits = argilla.is_record if kind == "argilla" else label_studio.is_task
    for where, record in records:
        if not fits(record):
            raise InputError(f"{where}: is not of {NAMED[kind]}; it has {listing(record)}")
    return records


def _records(source: str, name: str) -> Records:
    """Every record and where it stands; `InputError` for a file without one, and for a damaged one."""
    path = Path(source).expanduser()
    found = _of_json(path, name) if file_kind(path.name) in JSON and path.is_file() else _of_table(source)
    if not found:
        raise InputError(f"{name}: is empty; it holds no decision")
    return found


def _of_json(path: Path, name: str) -> Records:
    lines = not path.name.lower().removesuffix(".gz").endswith(".json")
    found: Records = []
    with open_source(path, name, size_limit()) as stream:
        unit, records = json_records(stream, name, lines)
        for number, record in records:
            if isinstance(record, ValueError):
                raise InputError(f"{name}, {unit} {number}: {record}; correct it")
            found.append((f"{unit} {number}", record))
    return found


def _of_table(source: str) -> Records:
    rejections = Rejections(advice="correct it")
    rows = read_source(source, "train", Columns(text="id", label=label_issues.GIVEN), rejections).rows
    if odd := rejections.sorted():
        raise InputError(f"{odd[0]}; correct it")
    rows.require(())
    columns = {key: rows.values(key) for key in rows.table.column_names}
    return [
        (f"{rows.unit} {int(rows.numbers[at])}", {key: each[at] for key, each in columns.items()})
        for at in range(len(rows))
    ]
