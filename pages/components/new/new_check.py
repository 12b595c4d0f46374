"""A dry run of the import: what would come in, what would not, and why."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from backend.data.ingest import IngestReport
from backend.data.targets.registry import kind_of
from backend.home import HOME
from backend.jobs.process import job_path, job_result
from pages.components import keys
from pages.components.class_table import show_class_table
from pages.components.facts import facts
from pages.components.import_report import show_rejected
from pages.components.job_panel import LOGS, job_panel
from pages.components.markup import plain_label, show
from pages.components.new.new_columns import NewData
from pages.components.new.remarks import show_remarks
from pages.components.new.steps import step_title
from pages.components.numbers import plural

# What is noticed in labels, what can be done about it, and the option that does.
_OFFERS = (
    ("spellings", "Merge labels that differ only in spelling", keys.NEW_MERGE, "--merge-labels"),
    (
        "several choices",
        "Leave out rows whose label looks like several",
        keys.NEW_JOINED,
        "--skip-joined-labels",
    ),
)


@dataclass(frozen=True)
class Accepted:
    """Data whose import was tried and would succeed."""

    data: NewData
    report: IngestReport
    options: tuple[str, ...] = ()
    """What was chosen about labels."""

    def args(self) -> list[str]:
        """As options of the command line."""
        skip = ["--skip-bad-rows"] if self.report.broken else []
        return [*self.data.args(), *self.options, *skip]

    @property
    def words(self) -> str:
        """3,000 training and 750 eval rows, 77 classes."""
        found = self.report
        return f"{found.n_train:,} training and {found.n_eval:,} eval rows{_kinds(found)}"


def _kinds(report: IngestReport) -> str:
    return f", {len(report.classes):,} {kind_of(report.task).named}" if report.classes else ""


def checked(data: NewData) -> Accepted | None:
    """Offer the check, show what it found; None as long as the import would not succeed."""
    options = tuple(option for _, _, key, option in _OFFERS if keys.get(key))
    args = ["init", str(HOME / "new"), *data.args(), *options, "--dry-run", "--json"]
    with st.container(border=True):
        step_title("Check")
        found = job_result(job_path(args, LOGS))
        if found is None:
            job_panel(args, "Check every row", "nothing is written")
        else:
            job_panel(args, "Check again", "if the file has changed since", primary=False)
        report = None if found is None else IngestReport.of_json(found)
        for kind, words, key, option in _OFFERS:
            if option in options or (report is not None and report.survey.has(kind)):
                st.toggle(words, key=key)
        if report is None:
            return None
        _show(report)
        show_remarks(report.survey, "Noticed")
        return Accepted(data, report, options) if show_rejected(report, keys.NEW_SKIP) else None


def _show(report: IngestReport) -> None:
    shown = [
        ("training rows", f"{report.n_train:,}"),
        ("eval rows", f"{report.n_eval:,}"),
        *([(kind_of(report.task).named, f"{len(report.classes):,}")] if report.classes else []),
        ("rows left out", f"{len(report.rejected) + sum(report.left_out.values()):,}"),
        ("repeated training texts", f"{report.repeated:,}"),
        ("eval texts also in training", f"{report.overlap:,}"),
    ]
    show(facts(shown))
    train, evaluation = report.counts["train"], report.counts["eval"]
    counts = {name: (train[name], evaluation[name]) for name in report.classes}
    if report.described:
        st.caption(report.described)
    if report.classes:
        rows = None if report.task == "classification" else report.n_train
        show_class_table(report.classes, counts, "new-classes", rows)
    for split, count in list(report.left_out.items())[:10]:
        st.caption(f"{plural(count, 'row')} of split “{plain_label(split)}” would serve neither purpose.")
    if report.overlap:
        st.caption(
            "Rows that the model is trained on and tested on make its accuracy look better than it is."
        )
