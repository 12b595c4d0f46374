"""Acting on what was found: keep, flag, remove, relabel, undo, redo, log, export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from backend import console
from backend.commands.options import Author, Ids, Json, Reason, WorkspacePath
from backend.data.rowstate import Action
from backend.data.targets.space import Space
from backend.review.ledger import LogEntry
from backend.review.words import action_word, done_words, target_words, told_change
from backend.workspace import Workspace

MOST = 2**63 - 1  # what SQLite can count to
_NAMED = 20  # rows that are named; of a decision on more, the others are counted


def keep(ws: WorkspacePath, ids: Ids, reason: Reason = "", author: Author = None) -> None:
    """Note that rows were looked at and are fine."""
    _decide(ws, "keep", ids, reason, author)


def flag(ws: WorkspacePath, ids: Ids, reason: Reason = "", author: Author = None) -> None:
    """Mark rows for a second look."""
    _decide(ws, "flag", ids, reason, author)


def remove(ws: WorkspacePath, ids: Ids, reason: Reason = "", author: Author = None) -> None:
    """Take rows out of the cleaned data."""
    _decide(ws, "remove", ids, reason, author)


def relabel(
    ws: WorkspacePath,
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of a training row.")],
    label: Annotated[
        str, typer.Argument(metavar="LABEL", help="Its new class; labels joined by ';'; or a number.")
    ],
    reason: Reason = "",
    author: Author = None,
) -> None:
    """Give a row another label in the cleaned data."""
    Workspace.open(ws).review.check_relabel()
    _decide(ws, "relabel", [id], reason, author, label)


def undo(
    ws: WorkspacePath,
    batch: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="Which decision (see log); default: the newest.")
    ] = None,
    author: Author = None,
) -> None:
    """Take a decision back."""
    workspace = Workspace.open(ws)
    _say("undone", workspace.space, workspace.review.undo(batch, author=author, origin="cli"))


def redo(
    ws: WorkspacePath,
    batch: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="Which decision; default: the one undone last.")
    ] = None,
    author: Author = None,
) -> None:
    """Bring an undone decision back."""
    workspace = Workspace.open(ws)
    _say("redone", workspace.space, workspace.review.redo(batch, author=author, origin="cli"))


def log(
    ws: WorkspacePath,
    row: Annotated[str | None, typer.Option(help="Only the decisions on this row.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many, newest first.")] = 50,
    json: Json = False,
) -> None:
    """The log of decisions, newest first."""
    workspace = Workspace.open(ws)
    entries, space = workspace.review.log(row, limit), workspace.space
    if json:
        console.print_json([vars(entry) for entry in entries])
        return
    rows = [
        (
            each.batch,
            each.at,
            each.author,
            _action(space, each),
            each.row_id or "",
            *told_change(space, each.old_label, each.new_label),
            each.reason,
        )
        for each in entries
    ]
    labels = target_words(space)
    console.print_table(("batch", "when", "who", "action", "row", *labels, "reason"), rows)


def export(
    ws: WorkspacePath,
    format: Annotated[str, typer.Option(help="csv, jsonl, parquet or hf (a datasets folder).")],
    out: Annotated[Path, typer.Option(help="File, or folder for hf.")],
    what: Annotated[str, typer.Option(help="cleaned, removed or patch.")] = "cleaned",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
    defuse: Annotated[
        bool, typer.Option(help="In csv, put an apostrophe before cells that begin a formula.")
    ] = True,
    json: Json = False,
) -> None:
    """Write the cleaned data, the removed rows or the patch, with a manifest."""
    workspace = Workspace.open(ws)
    report = workspace.export(format, out, what, overwrite=overwrite, defuse=defuse)
    if json:
        console.print_json(report.to_json())
    else:
        for line in report.lines(done_words(workspace.space)["relabel"]):
            print(console.plain(line))


def _decide(
    ws: Path, action: Action, ids: list[str], reason: str, author: str | None, label: str | None = None
) -> None:
    workspace = Workspace.open(ws)
    batch = workspace.review.decide(action, ids, label=label, reason=reason, author=author, origin="cli")
    more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
    named = ", ".join(console.brief(each) for each in ids[:_NAMED])
    what = f"{action} {named}{more}" + (f" as {console.brief(label)}" if label else "")
    print(f"{what}   (decision {batch}; `undo {ws}` takes it back)")
    if label and (odd := workspace.space.oddity(workspace.space.read(label))):
        console.note(f"warning: {console.plain(odd)}")


def _action(space: Space, entry: LogEntry) -> str:
    """The action of a log entry, and what became of it or what it is about."""
    if entry.undoes is not None:
        return f"{entry.action} of {entry.undoes}"
    about = f" ({entry.note})" if entry.note else ""
    return f"{action_word(space, entry.action)}{about}" + ("" if entry.active else " (undone)")


def _say(what: str, space: Space, entries: Sequence[LogEntry]) -> None:
    for entry in entries[:_NAMED]:
        print(f"{what}: {action_word(space, entry.action)} {console.brief(entry.row_id or '')}")
    if len(entries) > _NAMED:
        print(f"{what}: {len(entries) - _NAMED:,} more")
