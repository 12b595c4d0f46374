"""The decisions of another workspace or another tool: import-patch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from backend import console
from backend.commands.options import Author, Json, WorkspacePath
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.review.patch_import import PatchPlan

SHOWN_IDS = 5


def import_patch(
    ws: WorkspacePath,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="What `export --what patch` wrote, or an export of Argilla, Label Studio or cleanlab.",
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--from", help="patch, argilla, label-studio or cleanlab; default: seen by the content."
        ),
    ] = None,
    question: Annotated[
        str | None,
        typer.Option(
            help="Of Argilla and Label Studio: the question that asks for the label; default: label."
        ),
    ] = None,
    majority: Annotated[
        bool,
        typer.Option("--majority", help="More than half of the people decide; else all must say the same."),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overrule what is decided otherwise here; else that stays.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done; write nothing.")
    ] = False,
    author: Author = None,
    json: Json = False,
) -> None:
    """Decide as a file says, all at once and undoable; ids, labels, texts and conflicts are checked."""
    from backend.interchange.decisions_file import Reading

    reading = Reading(kind, question, majority)  # type: ignore[arg-type]
    workspace = Workspace.open(ws)
    if dry_run:
        batch, plan = None, workspace.review.patch_dry_run(file, replace=replace, reading=reading)
    else:
        batch, plan = workspace.review.import_patch(
            file, replace=replace, reading=reading, author=author, origin="cli"
        )
    if json:
        console.print_json({"decision": batch, **plan.to_json()})
        return
    _print_plan(plan)
    if batch is None:
        print("dry run, nothing was written")
    else:
        print(f"imported   (decision {batch}; `undo {ws}` takes it back)")


def _print_plan(plan: PatchPlan) -> None:
    from backend.interchange.decisions_file import NAMED
    from backend.review.patch_import import MEANINGS

    if plan.kind != "patch":
        console.note(f"recognised: {NAMED[plan.kind]}")  # type: ignore[index]
    for note in plan.notes:
        console.note(f"note: {console.plain(note)}")
    rows = []
    for outcome, count in plan.counts.items():
        ids = ", ".join(each.id for each in plan.of(outcome)[:SHOWN_IDS])
        more = ", ..." if count > SHOWN_IDS else ""
        rows.append((outcome, f"{count:,}", MEANINGS[outcome], console.shown(ids + more)))
    console.print_table(
        ("rows of the file", "count", "what it means", "ids"), [r for r in rows if r[1] != "0"]
    )
    for line in plan.odd[:SHOWN_IDS]:
        console.note(f"warning: {console.plain(line)}")
    if len(plan.odd) > SHOWN_IDS:
        console.note(f"warning: and {len(plan.odd) - SHOWN_IDS:,} more such rows")
