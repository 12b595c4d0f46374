"""What is noticed in a source before anything is computed: for `peek`, `init`, `append` and dry runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any

from backend.data.agreement import agreement
from backend.data.choices import NOT_WHOLE, OTHER_TASKS, SEVERAL
from backend.data.conversations import not_read
from backend.data.equal_texts import text_keys
from backend.data.examples import Examples
from backend.data.label_remarks import cell_remarks, variant_remarks
from backend.data.label_variants import Variants, visible_label
from backend.data.readable import readable
from backend.data.rejected import Rejected
from backend.data.remark import Remark, count_of
from backend.data.rows import Rows
from backend.data.targets.registry import kind_of
from backend.data.text_remarks import Tokens, column_remarks, length_remarks, text_remarks
from backend.data.turns import EMPTY_ANSWER
from backend.data.validate import Usable, as_text
from backend.manifest import TaskInfo, TaskName

USUAL_LENGTH = 128  # tokens that `train` reads of a text unless it is told otherwise
_OTHER_LENGTHS = {"causal-lm": 1024}
SHOWN_CLASSES = 20
_CLASSES = TaskInfo()
_COUNTED = (
    *("no text", "blank text", "no label", SEVERAL, NOT_WHOLE),
    *("no prompt", "blank prompt", "no completion", "blank completion"),
    *("no messages", "no assistant turn", EMPTY_ANSWER),
)


def usual_length(task: TaskName) -> int:
    """How many tokens `train` reads of a row unless it is told otherwise."""
    return _OTHER_LENGTHS.get(task, USUAL_LENGTH)


@dataclass(frozen=True)
class Survey:
    """``n_rows`` were looked at, ``whole``: there are no more. ``counts``: rows per label or class."""

    n_rows: int = 0
    whole: bool = True
    counts: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> Survey:
        """The survey that `dataclasses.asdict` made plain."""
        return cls(**{**content, "remarks": tuple(Remark(**each) for each in content["remarks"])})

    def lines(self, classes: bool = False) -> list[str]:
        """A line for each remark; ``classes``: the number of rows and those of each class before them."""
        lines = []
        if classes:
            part = "" if self.whole else "the first "
            labels = f", {count_of(len(self.counts), 'label')}" if self.counts else ""
            lines.append(f"looked at {part}{count_of(self.n_rows, 'row')}{labels}")
            shown = list(self.counts.items())[:SHOWN_CLASSES]
            lines += [f"  {visible_label(name)}: {n:,}" for name, n in shown]
            if len(self.counts) > SHOWN_CLASSES:
                lines.append(f"  and {len(self.counts) - SHOWN_CLASSES:,} more")
        return [*lines, *map(str, self.remarks)]

    def has(self, kind: str) -> bool:
        """Whether something of a kind was noticed."""
        return any(each.kind == kind for each in self.remarks)


def noticed_of_json(content: Mapping[str, Any]) -> dict[str, Any]:
    """The rejected rows and the survey of a report that `dataclasses.asdict` made plain."""
    listed = {name: tuple(Rejected(**each) for each in content[name]) for name in ("rejected", "broken")}
    return {**listed, **({"survey": Survey.of_json(content["survey"])} if "survey" in content else {})}


@dataclass(frozen=True)
class Asked:
    """What a survey needs to know beside the rows: the annotator column, the id column, how texts are cut;
    ``read``: the columns that make a row for a language model."""

    annotator: str | None = None
    id: str | None = None
    tokens: Tokens | None = None
    limit: int = USUAL_LENGTH
    read: tuple[str, ...] = ()


def survey(
    parts: Sequence[Usable],
    asked: Asked,
    *,
    counts: tuple[Mapping[str, int], Mapping[str, int] | None],
    task: TaskInfo = _CLASSES,
    groups: Sequence[Variants] = (),
    merged: bool = False,
    left_out: bool = False,
    rejected: Sequence[Rejected] = (),
    whole: bool = True,
) -> Survey:
    """Everything that is noticed in ``parts``, whose labels are those of the cells; ``task``: what they are.

    ``counts``: rows per class of train and of eval (None: nothing held out yet). ``groups``: labels that
    differ only in spelling, ``merged`` or not. ``left_out``: rows of several choices are skipped.
    """
    rows = reduce(add, (part.examples for part in parts)) if parts else Examples.of(())
    classes = task.name == "classification"
    places = [(part.rows, i) for part in parts for i in range(len(part))]

    def place(i: int) -> str:
        file, position = places[i]
        return file.place(position)

    remarks = [
        *header_remarks(part.rows for part in parts),
        *_rejected(rejected),
        *variant_remarks(groups, merged),
        *(cell_remarks(rows.targets, place, left_out=left_out) if classes else ()),
        *kind_of(task.name).remarks(task, *counts),
        *(_agreement(parts, asked.annotator) if classes else ()),
        *_not_read(parts, asked.read),
        *kind_of(task.name).noticed(rows, place),
        *text_remarks(readable(rows), place, asked.tokens),
        *length_remarks(readable(rows), place, asked.tokens, asked.limit),
        *(column_remarks(parts[0].rows, asked.id) if parts else ()),
    ]
    of_each = Counter(counts[0])
    of_each.update(counts[1] or {})
    return Survey(len(rows), whole, dict(of_each.most_common()), tuple(remarks))


def header_remarks(tables: Iterable[Rows]) -> list[Remark]:
    """Files whose first line looks like data."""
    doubts = {each.file: each.no_header for each in tables if each.no_header}
    return [
        Remark("no header", f"{file}: the first line looks like data: no header? ({why})")
        for file, why in doubts.items()
    ]


def _not_read(parts: Sequence[Usable], read: Collection[str]) -> list[Remark]:
    """A column that belongs to those that are read."""
    if not parts or not read:
        return []
    rows = parts[0].rows
    left = not_read({name: rows.head(name) for name in rows.table.column_names}, read)
    return [Remark("not read", f"column {left[0]!r} is not read: {left[1]}")] if left else []


def _rejected(rejected: Sequence[Rejected]) -> list[Remark]:
    """Rows that have nothing to learn from, and cells with several choices, by reason."""
    found: dict[str, list[Rejected]] = {}
    for each in rejected:
        reason = next((kind for kind in (*OTHER_TASKS, EMPTY_ANSWER) if kind in each.reason), each.reason)
        if reason in _COUNTED:
            found.setdefault(reason, []).append(each)
    return [
        Remark("rejected", f"{count_of(len(rows), 'row')} {_said(reason)}", len(rows), _where(rows[0]))
        for reason, rows in found.items()
    ]


def _said(reason: str) -> str:
    """What is the matter with rows, and what may be meant."""
    meant = f"; {OTHER_TASKS[reason]}" if reason in OTHER_TASKS else ""
    return f"{'whose label' if reason == NOT_WHOLE else 'with'} {reason}{meant}"


def _where(rejected: Rejected) -> str:
    return f"{rejected.file}, {rejected.unit} {rejected.row}"


def _agreement(parts: Sequence[Usable], column: str | None) -> list[Remark]:
    if column is None:
        return []
    keys = [key for part in parts for key in text_keys(part.examples)]
    labels = [label for part in parts for label in part.labels]
    who = [as_text(each) for part in parts for each in part.rows.values(column)]
    return agreement(keys, labels, who).remarks()
