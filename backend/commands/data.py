"""Data for a workspace: peek, init, append."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend import console
from backend.commands.columns import Turns, columns_of, default_model
from backend.commands.options import (
    Annotator,
    Completion,
    DryRun,
    Eval,
    Group,
    Id,
    Json,
    Label,
    Labels,
    Layers,
    Loss,
    MaxLength,
    MergeLabels,
    Messages,
    Model,
    Names,
    Prompt,
    Seed,
    SkipBadRows,
    SkipJoinedLabels,
    SplitColumn,
    System,
    TaskOption,
    Text,
    TextB,
    Tools,
    Train,
    WorkspacePath,
)
from backend.program import COMMAND
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.data.append_report import AppendReport
    from backend.data.ingest import IngestReport


def peek(
    source: Annotated[str, typer.Argument(metavar="SRC", help="File, saved datasets folder, or hub id.")],
    text: Annotated[str | None, typer.Option(help="Column with the text; default: as it looks.")] = None,
    label: Annotated[str | None, typer.Option(help="Column with the label; default: as it looks.")] = None,
    json: Json = False,
) -> None:
    """Columns and first rows of a source, what each column probably is, what is noticed in the beginning."""
    found = Workspace.peek(source, text=text, label=label)
    if json:
        console.print_json(found.to_json())
        return
    console.print_table(found.columns, found.rows[:5])
    for role, name in found.guess.to_json().items():
        if name is not None:
            print(f"{role}: probably {console.brief(name)}")
    if found.nested:
        print(f"inside columns: {', '.join(console.brief(name) for name in found.nested)}")
    for line in found.survey.lines(classes=True):
        print(console.shown(line))


def init(
    ws: WorkspacePath,
    train: Train,
    text: Text = None,
    label: Label = None,
    labels: Labels = None,
    task: TaskOption = "classification",
    prompt: Prompt = None,
    completion: Completion = None,
    messages: Messages = None,
    system: System = None,
    tools: Tools = None,
    loss: Loss = None,
    model: Model = None,
    eval: Eval = None,
    text_b: TextB = None,
    id: Id = None,
    group: Group = None,
    annotator: Annotator = None,
    split_column: SplitColumn = None,
    merge_labels: MergeLabels = False,
    names: Names = None,
    layers: Layers = None,
    max_length: MaxLength = None,
    seed: Seed = 0,
    skip_bad_rows: SkipBadRows = False,
    skip_joined_labels: SkipJoinedLabels = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Create a workspace from a data set; every row is validated."""
    columns = columns_of(
        task,
        text,
        label,
        labels,
        merge=merge_labels,
        names=names,
        turns=Turns(prompt, completion, messages, system, tools, loss),
        text_b=text_b,
        id=id,
        group=group,
        split=split_column,
        annotator=annotator,
    )
    model = default_model(task) if model is None else model
    asked: dict[str, Any] = {
        "train": train,
        "eval": eval,
        "columns": columns,
        "model": model,
        "layers": layers,
        "max_length": max_length,
        "seed": seed,
        "skip_joined_labels": skip_joined_labels,
        "merge_labels": merge_labels,
        "names": names,
    }
    if dry_run:
        with console.progress_bar() as progress:
            found = Workspace.dry_run(**asked, progress=progress)
        _print_dry_run(found, skip_bad_rows, json)
        Workspace.check_model(model)
        return
    with console.progress_bar() as progress:
        workspace, report = Workspace.create(
            ws,
            **asked,
            skip_bad_rows=skip_bad_rows,
            progress=progress,
        )
    if json:
        console.print_json(report.to_json())
        return
    for line in report.lines():
        print(console.shown(line))
    print(f"next: {COMMAND} train {workspace.path}   (or attach {workspace.path} --run DIR)")


def append(
    ws: WorkspacePath,
    train: Annotated[
        str,
        typer.Option(
            help="More training rows: file, saved datasets folder, or hub id. All of them are training rows, "
            "whatever a column that told the splits apart (--split-column of init) says."
        ),
    ],
    skip_bad_rows: SkipBadRows = False,
    skip_joined_labels: SkipJoinedLabels = False,
    merge_labels: MergeLabels = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Append training rows; columns are those of init, rows and decisions that are there stay."""
    workspace = Workspace.open(ws)
    asked: dict[str, Any] = {
        "train": train,
        "skip_joined_labels": skip_joined_labels,
        "merge_labels": merge_labels,
    }
    with console.progress_bar() as progress:
        if dry_run:
            found = workspace.append_dry_run(**asked, progress=progress)
            _print_dry_run(found, skip_bad_rows, json)
            return
        report = workspace.append(**asked, skip_bad_rows=skip_bad_rows, progress=progress)
    if json:
        console.print_json(report.to_json())
        return
    for line in report.lines():
        print(console.shown(line))
    status = workspace.status()
    states = {name: each["state"] for name, each in status["artifacts"].items()}
    states |= {f"scores {name}": state for name, state in status["scores"].items()}
    stale = [name for name, state in states.items() if state == "stale"]
    if stale:
        print(f"stale, since they know the earlier rows only: {', '.join(stale)}")
    print(f"next: {status['next']}")


def _print_dry_run(report: IngestReport | AppendReport, skip_bad_rows: bool, json: bool) -> None:
    if json:
        console.print_json(report.to_json())
        return
    print("dry run, nothing was written")
    for line in report.lines(dry=True):
        print(console.shown(line))
    if report.broken and not skip_bad_rows:
        print(f"would stop at: {report.broken[0]}; correct it, or leave such rows out with --skip-bad-rows")
