"""The data card: a page of Markdown beside an export that says what was changed, by whom and why."""

from __future__ import annotations

import platform
import shlex
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from backend.data.decided import Summary, What
from backend.data.markdown import code, plain, table, visible
from backend.data.rowstate import RowState
from backend.manifest import Manifest
from backend.version import VERSION

MARK = "<!-- Firstword data card -->"
MOST_REASONS, MOST_CLASSES, MOST_NAMES = 50, 100, 5
HOLDS: dict[What, str] = {
    "cleaned": "the cleaned training rows",
    "removed": "the removed training rows",
    "patch": "the decisions, row by row",
}
_ORDER = ("remove", "relabel", "flag", "keep")


@dataclass(frozen=True)
class Standing:
    """What the card says beside the data: which ``version`` the decisions are, lines about a ``trial``,
    and what decisions are called by action (``words``)."""

    version: str = ""
    trial: Sequence[str] = ()
    words: Mapping[str, str] = field(
        default_factory=lambda: {
            "remove": "removed",
            "relabel": "relabelled",
            "flag": "flagged",
            "keep": "kept",
        }
    )


@dataclass(frozen=True)
class Card:
    """All that a card says. ``name``: of the exported file or folder; ``notes``: how values are written;
    ``files``: SHA-256 by file, empty before the export is made; ``own``: the states of rows of these data."""

    name: str
    what: What
    format: str
    created: str
    workspace: str
    source: Manifest
    n_rows: int
    counts: Summary
    own: Sequence[RowState]
    standing: Standing
    notes: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def markdown(self) -> str:
        """The whole page."""
        parts = (
            self._head(),
            self._facts(),
            self._done(),
            self._why(),
            self._classes(),
            self._trial(),
            self._files(),
            self._again(),
        )
        return "\n".join([MARK, *("\n".join([*each, ""]) for each in parts if each)])

    def _head(self) -> list[str]:
        title = f"# Data card: {plain(self.name)}"
        return [title, "", f"Holds {HOLDS[self.what]}. Written by Firstword {VERSION} on {self.created}."]

    def _facts(self) -> list[str]:
        data, task, model = self.source.data, self.source.task, self.source.model
        sources = [f"{name}: {plain(where)}" for name, where in data.sources.items()]
        columns = ", ".join(plain(each) for each in dict.fromkeys((data.text, data.label)))
        names = f", {len(task.classes)} classes" if task.classes else ""
        rows = [
            ("workspace", plain(self.workspace)),
            ("data", "; ".join([*sources, f"columns {columns}", f"fingerprint {code(data.fingerprint)}"])),
            ("task", f"{plain(task.name)}{names}"),
            ("model", f"{plain(model.name)}{_layers(model.layers)}; {self._trained()}"),
            ("training rows before", f"{self.counts.n_before:,}"),
            ("rows in this file", f"{self.n_rows:,}"),
            ("decisions", plain(self.standing.version) or "none is frozen as a version"),
            (
                "versions",
                f"Firstword {VERSION}, Python {platform.python_version()}, pyarrow {pa.__version__}",
            ),
        ]
        return table(("what", "which"), rows)

    def _trained(self) -> str:
        last = self.source.checkpoints[-1:]
        return f"its last checkpoint is step {last[0].step:,}" if last else "not trained here"

    def _done(self) -> list[str]:
        counts = self.counts
        n = {"remove": counts.removed, "relabel": counts.relabelled, "flag": counts.flagged}
        n["keep"] = counts.kept
        rows = [(self.standing.words[each], f"{n[each]:,}", _people(self._with(each))) for each in _ORDER]
        after = f"{counts.n_before - counts.removed:,} of {counts.n_before:,} training rows stay."
        return ["## What was decided", "", *table(("what", "rows", "by"), rows), "", after]

    def _with(self, action: str) -> list[RowState]:
        """The states counted under an action: a row that was relabelled and is flagged stands under both."""
        if action != "relabel":
            return [each for each in self.own if each.action == action]
        return [each for each in self.own if each.label is not None and each.action != "remove"]

    def _why(self) -> list[str]:
        groups: dict[tuple[str, str], list[RowState]] = defaultdict(list)
        for each in self.own:
            groups[each.action, each.reason].append(each)
        if not groups:
            return []
        strongest = sorted(
            groups.items(), key=lambda each: (-len(each[1]), _ORDER.index(each[0][0]), each[0])
        )
        rows = [
            (
                self.standing.words[action],
                plain(reason, 300) or "(no reason given)",
                f"{len(of):,}",
                _people(of),
            )
            for (action, reason), of in strongest[:MOST_REASONS]
        ]
        more = len(strongest) - MOST_REASONS
        rest = ["", f"And {more:,} further reasons: the patch has all."] if more > 0 else []
        return ["## Why", "", *table(("what", "reason", "rows", "by"), rows), *rest]

    def _classes(self) -> list[str]:
        before, after = self.counts.before, self.counts.after
        if not before:
            return []
        names = list(dict.fromkeys([*before, *after]))
        rows = [(plain(each), f"{before.get(each, 0):,}", f"{after.get(each, 0):,}") for each in names]
        more = len(rows) - MOST_CLASSES
        rest = ["", f"And {more:,} further classes: the manifest has all."] if more > 0 else []
        return ["## Classes", "", *table(("class", "rows before", "after"), rows[:MOST_CLASSES]), *rest]

    def _trial(self) -> list[str]:
        said = [f"- {plain(each, 500)}" for each in self.standing.trial]
        none = "No trial of these decisions was made: what they do to the model is not known here."
        return ["## What a trial of these decisions showed", "", *(said or [none])]

    def _files(self) -> list[str]:
        if not self.files and not self.notes:
            return []
        rows = [(code(name), code(mark)) for name, mark in self.files.items()]
        shown = table(("file", "SHA-256"), rows) if rows else []
        return [
            "## Files",
            "",
            *shown,
            *(["", *(f"- {plain(each, 300)}" for each in self.notes)] if self.notes else []),
        ]

    def _again(self) -> list[str]:
        ws, out = (shlex.quote(visible(each)) for each in (self.workspace, self.name))
        return [
            "## How to make it again",
            "",
            "The same source, with these decisions, gives the same rows:",
            "",
            f"    firstword export {ws} --what {self.what} --format {self.format} --out {out}",
            f"    firstword export {ws} --what patch --format jsonl --out decisions.jsonl",
            "    firstword import-patch OTHER_WORKSPACE decisions.jsonl",
        ]


def _layers(layers: int | None) -> str:
    return "" if layers is None else f", its first {layers} layers"


def _people(states: Sequence[RowState]) -> str:
    """Who decided, with how many rows, the busiest first."""
    found = Counter(each.author for each in states).most_common()
    shown = [f"{plain(name, 80)} ({n:,})" for name, n in found[:MOST_NAMES]]
    more = len(found) - MOST_NAMES
    return ", ".join([*shown, *([f"{more:,} others"] if more > 0 else [])])
