"""Appending training rows to a workspace: read, validated and stored as those that are there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.append_report import AppendReport
from backend.data.append_rows import NewRows, behind, read_new
from backend.data.class_naming import Naming
from backend.data.dataset import Split, load_split, split_path
from backend.data.examples import Examples
from backend.data.label_variants import label_variants
from backend.data.messages import first_line
from backend.data.overlap import contradicted_in, stands_also_in
from backend.data.rejected import Rejected, Rejections
from backend.data.remark import Remark, of_rows
from backend.data.stored import REJECTED, Content, fingerprint, rejected_lines, write_split
from backend.data.survey import Asked, Survey, survey, usual_length
from backend.data.targets.registry import counts_of, kind_of, space_of
from backend.data.targets.space import Space
from backend.data.validate import Usable
from backend.errors import InputError
from backend.files import file_digest, replacing
from backend.folder import Folder
from backend.manifest import TRAINED_ON, Artifact, DataInfo, EarlierRun, Manifest
from backend.progress import Progress, silent
from backend.recorded import as_recorded, recorded_files

STAGE = "appending rows"
Trained = TypeVar("Trained", Artifact, EarlierRun)
SHOWN_IDS = 5
_TRAIN_FILE = re.compile(r"train(-[0-9a-f]{16})?\.parquet")
_REJECTED_FILE = re.compile(r"rejected-[0-9a-f]{16}\.jsonl")


def append(
    folder: Folder,
    *,
    train: str,
    skip_bad_rows: bool = False,
    skip_joined_labels: bool = False,
    merge_labels: bool = False,
    progress: Progress = silent,
) -> AppendReport:
    """Put the rows of source ``train`` behind the training rows; all of them, or (`InputError`) none.

    Columns are those the workspace was made with. The rows that are there keep place and id; the model
    stays as it is, so its checkpoints stay current, and what was computed from the rows becomes stale.
    ``merge_labels``: labels that differ from a class only in spelling mean it, as where `init` merged them;
    what is merged is recorded, not that later rows are to be merged, too.
    """
    rejections = Rejections(skip_bad_rows, skip_joined=skip_joined_labels)
    with folder.lock():
        _settle(folder)
        try:
            return _append(folder, train, rejections, merge_labels, progress)
        finally:
            with suppress(OSError):  # what stays is settled by the next append
                _settle(folder)


def append_dry_run(
    folder: Folder,
    *,
    train: str,
    skip_joined_labels: bool = False,
    merge_labels: bool = False,
    progress: Progress = silent,
) -> AppendReport:
    """What `append` would bring in with its bad rows skipped; nothing is written."""
    rejections = Rejections(skip_broken=True, skip_joined=skip_joined_labels)
    return _joined(folder, train, rejections, merge_labels, progress).report


def _append(
    folder: Folder, source: str, rejections: Rejections, merge: bool, progress: Progress
) -> AppendReport:
    _check_whole(folder, folder.manifest())
    joined = _joined(folder, source, rejections, merge, progress)
    with replacing(folder.data / _train_file(joined.mark)) as temporary:
        write_split(temporary, joined.table, joined.file)
        _check_readable(temporary, joined.file)
    _list_rejected(folder, joined.mark, joined.report.rejected)
    progress(STAGE, 2, 3)
    _switch(folder, joined)
    progress(STAGE, 3, 3)
    return joined.report


@dataclass(frozen=True)
class _Joined:
    """The training rows as they will be, their fingerprint, file and naming of the new ones."""

    table: pa.Table
    mark: str
    file: str
    naming: Naming
    report: AppendReport


def _joined(folder: Folder, source: str, rejections: Rejections, merge: bool, progress: Progress) -> _Joined:
    progress(STAGE, 0, 3)
    manifest = folder.manifest()
    before, evaluation = load_split(folder, "train"), load_split(folder, "eval")
    new = read_new(source, before, manifest, rejections, merge)
    progress(STAGE, 1, 3)
    table = behind(before.table, new.table, new.part.rows.file)
    together = Split("train", table, before.info, before.task)
    report = AppendReport(
        source=source,
        n_appended=len(new.part),
        n_train=len(together),
        counts=counts_of(manifest.task, new.part.labels),
        first_ids=tuple(new.ids[:SHOWN_IDS]),
        rejected=tuple(rejections.sorted()),
        left_out=new.left_out,
        missing=new.missing,
        repeated=_shared(new.part.examples, before.examples),
        overlap=int(stands_also_in(new.part.examples, evaluation.examples).sum()),
        broken=tuple(rejections.sorted_broken()),
        contradicted=int(contradicted_in(new.part.examples, evaluation.examples).sum()),
        contradicting=int(contradicted_in(new.part.examples, before.examples).sum()),
        survey=_survey(new, manifest, rejections),
        sizes=kind_of(manifest.task.name).sizes(together.examples),
        task=manifest.task.name,
    )
    mark = fingerprint(manifest.task, _content(together), _content(evaluation))
    return _Joined(table, mark, new.part.rows.file, new.naming, report)


def _survey(new: NewRows, manifest: Manifest, rejections: Rejections) -> Survey:
    """What is noticed in the new rows; their labels are compared with the classes, too."""
    info = manifest.data
    classes = manifest.task.name == "classification"
    known = {new.naming.label_of(name): 0 for name in manifest.classes}
    asked = Asked(info.annotator, info.id, limit=manifest.max_length or usual_length(manifest.task.name))
    found = survey(
        [new.spelled],
        asked,
        task=manifest.task,
        counts=({}, None),  # few rows of a class may come at a time
        groups=label_variants({**known, **Counter(new.spelled.labels)}) if classes else (),
        merged=new.naming.merges,
        left_out=rejections.skip_joined,
        rejected=rejections.sorted(),
    )
    return replace(found, remarks=(*found.remarks, *_odd(new.spelled, space_of(manifest.task))))


def _odd(part: Usable, space: Space) -> list[Remark]:
    """That targets are unlike those of all rows that were there before."""
    odd = [(place, said) for place, target in enumerate(part.labels) if (said := space.oddity(target))]
    if not odd:
        return []
    text = odd[0][1] if len(odd) == 1 else f"{len(odd):,} rows, such as: {odd[0][1]}"
    return of_rows("odd target", text, [place for place, _ in odd], part.rows.place)


def _content(split: Split) -> Content:
    return Content(split.ids, split.examples)


def _shared(new: Examples, old: Examples) -> int:
    """How many of ``new`` are in ``old`` too, with all fields and the target."""
    known = set(zip(*old.fields, old.targets, strict=True))
    return sum(each in known for each in zip(*new.fields, new.targets, strict=True))


def _check_whole(folder: Folder, manifest: Manifest) -> None:
    """`InputError` if a file of the data is not the one that was recorded: damage must stay visible."""
    for path, mark in recorded_files(folder.data, manifest.artifacts["data"].details).items():
        if not as_recorded(path, mark):
            raise InputError(f"{path}: damaged, changed or missing; restore it before appending rows")


def _check_readable(path: Path, source: str) -> None:
    """`InputError` if what was written could not be read again: the rows that are there must not be lost."""
    try:
        pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{source}: a column cannot be stored ({first_line(error)})") from error


def _train_file(mark: str) -> str:
    return f"train-{mark}.parquet"


def _list_rejected(folder: Folder, mark: str, rejected: Sequence[Rejected]) -> None:
    """Write the new listing beside the old one; `_settle` puts it in its place."""
    if not rejected:
        return
    place = folder.data / REJECTED
    listed = place.read_bytes() if place.is_file() else b""
    with replacing(folder.data / f"rejected-{mark}.jsonl") as temporary:
        temporary.write_bytes(listed + rejected_lines(rejected).encode())


def _switch(folder: Folder, joined: _Joined) -> None:
    """The one write that makes the new rows part of the workspace."""
    mark, report, naming = joined.mark, joined.report, joined.naming
    name = _train_file(mark)
    digest = file_digest(folder.data / name)
    model_is_current = folder.state("checkpoints") == "current"

    def change(manifest: Manifest) -> Manifest:
        info = manifest.data
        data_artifact = _data_artifact(manifest, mark, name, digest, report.sizes)
        artifacts = {**manifest.artifacts, "data": data_artifact}
        if model_is_current:
            artifacts["checkpoints"] = _kept(artifacts["checkpoints"], mark, info)
        of_these = info.fingerprint  # the rows that a training must have been recorded with
        runs = [
            _kept(each, mark, info) if each.inputs.get("data") == of_these else each for each in manifest.runs
        ]
        number = sum(key.startswith("append-") for key in info.sources) + 1
        data = info.model_copy(
            update={
                "fingerprint": mark,
                "n_train": report.n_train,
                "n_rejected": info.n_rejected + len(report.rejected),
                "sources": {**info.sources, f"append-{number}": report.source},
                "files": {**info.files, "train": name},
                "merged": dict(naming.merged),
            }
        )
        return manifest.model_copy(update={"data": data, "artifacts": artifacts, "runs": tuple(runs)})

    folder.update(change)


def _data_artifact(
    manifest: Manifest, mark: str, name: str, digest: str, sizes: Mapping[str, int]
) -> Artifact:
    old = manifest.artifacts["data"]
    files = {**old.details.get("files", {}), name: digest}
    files.pop(manifest.data.file("train"), None)
    return Artifact(
        id=mark,
        inputs=old.inputs,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        details={**old.details, **sizes, "files": files},
    )


def _kept(trained: Trained, mark: str, info: DataInfo) -> Trained:
    """The record of a training, which new rows don't change, and how many rows it saw: those before the first
    `append`."""
    details = {TRAINED_ON: info.n_train, **trained.details}
    return trained.model_copy(update={"inputs": {**trained.inputs, "data": mark}, "details": details})


def _settle(folder: Folder) -> None:
    """Delete what no manifest names (any more), and put a new listing of rejected rows in its place."""
    if not split_path(folder, "train").is_file():  # what is here may be the only copy
        return
    info = folder.manifest().data
    for path in folder.data.glob("train*.parquet"):
        if _TRAIN_FILE.fullmatch(path.name) and path.name != info.file("train"):
            path.unlink()
    for path in folder.data.glob("rejected-*.jsonl"):
        if path.name == f"rejected-{info.fingerprint}.jsonl":
            path.replace(folder.data / REJECTED)
        elif _REJECTED_FILE.fullmatch(path.name):
            path.unlink()
