"""What an append brought in, or would bring in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from backend.data.label_variants import visible_label
from backend.data.messages import listing, shown_name, shown_value
from backend.data.rejected import Rejected
from backend.data.stored import REJECTED
from backend.data.survey import Survey, noticed_of_json
from backend.data.targets.registry import kind_of
from backend.manifest import TaskName


@dataclass(frozen=True)
class AppendReport:
    """What was appended: rows per class, the first ids, rejected rows, and how many training rows there are.

    ``repeated`` rows have text and label of a training row that was there before, ``overlap`` rows the
    text of an eval row. ``missing`` columns are not in ``source``: null in the new rows. ``left_out``:
    rows of other splits of the source. ``broken``: those of the rejected rows that stop it unless skipped.
    ``contradicted`` rows have the text of an eval row and another label, ``contradicting`` ones that of a
    training row that was there before. ``survey``: what else was noticed.
    ``sizes``: how many parts the training rows have now, such as turns.
    """

    source: str
    n_appended: int
    n_train: int
    counts: Mapping[str, int]
    first_ids: tuple[str, ...]
    rejected: tuple[Rejected, ...]
    left_out: Mapping[str, int]
    missing: tuple[str, ...]
    repeated: int
    overlap: int
    broken: tuple[Rejected, ...] = ()
    contradicted: int = 0
    contradicting: int = 0
    survey: Survey = field(default_factory=Survey)
    sizes: Mapping[str, int] = field(default_factory=dict)
    task: TaskName = "classification"

    def to_json(self) -> dict[str, Any]:
        """Plain values for a program."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> AppendReport:
        """The report that `to_json` was made from, read by another process."""
        texts = {name: tuple(content[name]) for name in ("first_ids", "missing")}
        return cls(**{**content, **texts, **noticed_of_json(content)})

    def lines(self, most: int = 5, dry: bool = False) -> list[str]:
        """A few lines for a person; the first ``most`` rejected rows one by one. ``dry``: none is written."""
        target, read = kind_of(self.task).target, kind_of(self.task).read
        lines = [f"appended {self.n_appended:,} rows, train has {self.n_train:,} now"]
        lines += [f"  {visible_label(name)}: {n:,}" for name, n in self.counts.items()]
        more = ", ..." if self.n_appended > len(self.first_ids) else ""
        lines.append(f"ids: {', '.join(shown_name(each) for each in self.first_ids)}{more}")
        for value, n in self.left_out.items():
            lines.append(f"left out: {n:,} rows of split {shown_value(value)}")
        if self.missing:
            lines.append(f"not in {shown_name(self.source)}, null in the new rows: {listing(self.missing)}")
        if self.repeated:
            lines.append(f"repeated: {self.repeated:,} rows were in train already, {read} and {target}")
        if self.overlap:
            others = f", {self.contradicted:,} of them with another {target}" if self.contradicted else ""
            lines.append(f"overlap: {self.overlap:,} rows have a {read} that eval has too{others}")
        if self.contradicting:
            lines.append(
                f"contradicting: {self.contradicting:,} rows have a {read} that train has with another "
                f"{target}"
            )
        if self.rejected:
            where = "" if dry else f", all listed in data/{REJECTED}"
            lines.append(f"rejected: {len(self.rejected):,} rows{where}")
            lines += [f"  {each}" for each in self.rejected[:most]]
        return [*lines, *self.survey.lines()]
