"""Filling a new workspace with the user's data: both splits, the rejected rows, the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from backend.data.assemble import Assembled, Meaning, assemble
from backend.data.columns import Columns
from backend.data.ids import content_ids
from backend.data.label_variants import visible_label
from backend.data.messages import shown_value
from backend.data.overlap import contradicted_in, repeated_within, stands_also_in
from backend.data.rejected import Rejected, Rejections
from backend.data.stored import REJECTED, Content, fingerprint, rejected_lines, with_own_columns, write_split
from backend.data.survey import Asked, Survey, noticed_of_json, survey, usual_length
from backend.data.targets.registry import counts_of, extension_of_kind, kind_of
from backend.data.text_remarks import Tokens
from backend.data.validate import Usable
from backend.files import file_digest
from backend.folder import Folder
from backend.manifest import DataInfo, Manifest, ModelInfo, TaskName
from backend.progress import Progress, silent

STAGE = "reading data"


@dataclass(frozen=True)
class IngestReport:
    """What came in: class counts per split, rows that were rejected, rows that serve no split.

    ``overlap`` is the number of eval rows whose text (or pair of texts) also stands in train, ``repeated``
    that of training rows whose text stands in an earlier one; of them ``contradicted`` and ``contradicting``
    rows have another label than some such row. ``broken``: those of the rejected rows that stop the import
    unless they are skipped. ``described``: a line about the targets. ``survey``: what else was noticed.
    ``sizes``: how many parts the training rows have, such as turns.
    """

    n_train: int
    n_eval: int
    classes: tuple[str, ...]
    counts: Mapping[Literal["train", "eval"], Mapping[str, int]]
    rejected: tuple[Rejected, ...]
    left_out: Mapping[str, int]
    overlap: int = 0
    repeated: int = 0
    broken: tuple[Rejected, ...] = ()
    contradicted: int = 0
    contradicting: int = 0
    task: TaskName = "classification"
    described: str = ""
    survey: Survey = field(default_factory=Survey)
    sizes: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a program."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> IngestReport:
        """The report that `to_json` was made from, read by another process."""
        return cls(**{**content, "classes": tuple(content["classes"]), **noticed_of_json(content)})

    def lines(self, most: int = 5, dry: bool = False) -> list[str]:
        """A few lines for a person; the first ``most`` rejected rows one by one. ``dry``: none is written."""
        kind = kind_of(self.task)
        named, target, read = kind.named, kind.target, kind.read
        kinds = f", {len(self.classes)} {named}" if named else ""
        lines = [f"train {self.n_train:,} rows, eval {self.n_eval:,} rows{kinds}"]
        lines += [self.described] if self.described else []
        for name in self.classes:
            train, evaluated = self.counts["train"][name], self.counts["eval"][name]
            lines.append(f"  {visible_label(name)}: train {train:,}, eval {evaluated:,}")
        for value, n in self.left_out.items():
            lines.append(f"left out: {n:,} rows of split {shown_value(value)}")
        if self.overlap:
            others = f", {self.contradicted:,} of them with another {target}" if self.contradicted else ""
            lines.append(
                f"overlap: {self.overlap:,} of {self.n_eval:,} eval rows have a {read} that train has too"
                + others
            )
        if self.repeated:
            others = f", {self.contradicting:,} of them with another {target}" if self.contradicting else ""
            lines.append(
                f"repeated: {self.repeated:,} training rows have the {read} of an earlier one{others}"
            )
        if self.rejected:
            where = "" if dry else ", all listed in data/rejected.jsonl"
            lines.append(f"rejected: {len(self.rejected):,} rows{where}")
            lines += [f"  {each}" for each in self.rejected[:most]]
        return [*lines, *self.survey.lines()]


def ingest(
    folder: Folder,
    *,
    train: str,
    eval: str | None,
    columns: Columns,
    model: ModelInfo,
    max_length: int | None = None,
    seed: int = 0,
    skip_bad_rows: bool = False,
    skip_joined_labels: bool = False,
    meaning: Meaning | None = None,
    tokens: Tokens | None = None,
    progress: Progress = silent,
) -> IngestReport:
    """Fill a new workspace ``folder`` with both splits, the rejected rows and the first manifest.

    ``train`` and ``eval`` name sources (see `backend.data.sources`); ``eval`` may be a share to
    hold out ("0.2"), or None where ``columns.split`` or the source itself gives the splits.
    Raises `InputError` for every wrong input; rows without text or label are only listed, broken
    rows too if ``skip_bad_rows``. ``skip_joined_labels``: so are rows whose label looks like several.
    """
    progress(STAGE, 0, 2)
    rejections = Rejections(skip_bad_rows, skip_joined=skip_joined_labels)
    data = assemble(train, eval, columns, seed, rejections, meaning)
    progress(STAGE, 1, 2)
    report = _report(
        data,
        rejections,
        _asked(columns, tokens, max_length),
    )
    info = _write(folder, data, columns, report.rejected)
    info = info.model_copy(update={"sources": {"train": train, "eval": train if eval is None else eval}})
    folder.write_manifest(Manifest(data=info, task=data.task, max_length=max_length, model=model))
    files = {path.name: file_digest(path) for path in sorted(folder.data.glob("*.parquet"))}
    details: dict[str, Any] = {"files": files, **report.sizes}
    if (extension := extension_of_kind(data.task.name)) is not None:
        details["extension"] = extension  # where to look for the task when it is not known
    folder.record("data", id=info.fingerprint, **details)
    progress(STAGE, 2, 2)
    return report


def _write(folder: Folder, data: Assembled, columns: Columns, rejected: Sequence[Rejected]) -> DataInfo:
    """Write both splits and the rejected rows; what the manifest says about them, but for their sources."""
    folder.data.mkdir()
    train_ids, eval_ids = _ids("t", data.train), _ids("e", data.eval)
    for name, part, ids in (("train", data.train, train_ids), ("eval", data.eval, eval_ids)):
        table = with_own_columns(part.rows.table, ids, part.examples)
        write_split(folder.data / f"{name}.parquet", table, part.rows.file)
    (folder.data / REJECTED).write_text(rejected_lines(rejected), encoding="utf-8")
    return DataInfo(
        fingerprint=fingerprint(data.task, _content(data.train, train_ids), _content(data.eval, eval_ids)),
        text=columns.text,
        label=columns.label,
        labels=columns.labels,
        text_b=columns.text_b,
        id=columns.id,
        group=columns.group,
        annotator=columns.annotator,
        merged=dict(data.naming.merged),
        merges=data.naming.merges,
        names=dict(data.naming.names),
        derived=data.train.rows.derived,
        form=columns.form,
        system=columns.system,
        tools=columns.tools,
        n_train=len(data.train),
        n_eval=len(data.eval),
        n_rejected=len(rejected),
    )


def dry_run(
    *,
    train: str,
    eval: str | None,
    columns: Columns,
    max_length: int | None = None,
    seed: int = 0,
    skip_joined_labels: bool = False,
    meaning: Meaning | None = None,
    tokens: Tokens | None = None,
    progress: Progress = silent,
) -> IngestReport:
    """What `ingest` would bring in with its bad rows skipped; nothing is written.

    Raises the same `InputError` where skipping does not help.
    """
    progress(STAGE, 0, 1)
    rejections = Rejections(skip_broken=True, skip_joined=skip_joined_labels)
    data = assemble(train, eval, columns, seed, rejections, meaning)
    report = _report(
        data,
        rejections,
        _asked(columns, tokens, max_length),
    )
    progress(STAGE, 1, 1)
    return report


def _report(data: Assembled, rejections: Rejections, asked: Asked) -> IngestReport:
    counts = counts_of(data.task, data.train.labels), counts_of(data.task, data.eval.labels)
    repeated, contradicting = repeated_within(data.train.examples)
    rejected = tuple(rejections.sorted())
    return IngestReport(
        n_train=len(data.train),
        n_eval=len(data.eval),
        classes=data.task.classes,
        task=data.task.name,
        described=kind_of(data.task.name).summary(data.task, data.train.examples),
        sizes=kind_of(data.task.name).sizes(data.train.examples),
        counts={"train": counts[0], "eval": counts[1]},
        rejected=rejected,
        left_out=data.left_out,
        overlap=int(stands_also_in(data.eval.examples, data.train.examples).sum()),
        repeated=int(repeated.sum()),
        broken=tuple(rejections.sorted_broken()),
        contradicted=int(contradicted_in(data.eval.examples, data.train.examples).sum()),
        contradicting=int(contradicting.sum()),
        survey=survey(
            data.seen,
            asked,
            task=data.task,
            counts=counts,
            groups=data.groups,
            merged=data.naming.merges,
            left_out=rejections.skip_joined,
            rejected=rejected,
        ),
    )


def _asked(columns: Columns, tokens: Tokens | None, max_length: int | None) -> Asked:
    limit = max_length or usual_length(columns.task)
    return Asked(columns.annotator, columns.id, tokens, limit, columns.contents if columns.form else ())


def _ids(prefix: Literal["t", "e"], part: Usable) -> list[str]:
    return part.ids if part.ids is not None else content_ids(prefix, part.examples)


def _content(part: Usable, ids: list[str]) -> Content:
    return Content(ids, part.examples)
