"""Scores of the whole training split."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backend import console
from backend.commands.options import Device, Json, Threads, WorkspacePath, idle
from backend.errors import InputError
from backend.program import COMMAND
from backend.queue.queue import QueueFilter
from backend.queue.queue_file import check_target, write_queue
from backend.queue.queue_item import LABEL, UNDECIDED, QueueItem
from backend.review.words import target_words
from backend.scores.label_noise import NoiseEstimate
from backend.scores.registry import producer_of, producers_for
from backend.scores.score import serves_word
from backend.scores.settings import ScoreSettings
from backend.scores.table import score_state
from backend.workspace import Workspace

MOST_FLOWS = 8  # pairs of classes listed under the queue


def scores(
    ws: WorkspacePath,
    only: Annotated[
        list[str] | None,
        typer.Option(help="A score or its producer; may be repeated. Default: those that cost little."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that go over the training rows again, or train.")
    ] = False,
    list_only: Annotated[bool, typer.Option("--list", help="Compute nothing; say what there is.")] = False,
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="Of folds and samples.")] = 0,
    encoder: Annotated[
        str, typer.Option(help="Encoder of sentence embeddings: folder, hub id or minilm.")
    ] = "minilm",
    folds: Annotated[int, typer.Option(help="Parts of cross-fitting.")] = 5,
    crossfit: Annotated[
        str, typer.Option(help="probe (on sentence embeddings) or finetune (the model anew per fold).")
    ] = "probe",
    target: Annotated[
        str, typer.Option(help="What off-domain scores compare with: eval, or a file like --train of init.")
    ] = "eval",
    clean: Annotated[str, typer.Option(help="Rows trusted by alignment scores: eval or kept.")] = "eval",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Scores of every training row; computes what is missing, by default what costs little."""
    if not list_only:
        idle(ws)
    settings = ScoreSettings(device, seed, encoder, folds, crossfit, target, clean)
    workspace = Workspace.open(ws)
    left_out: list[str] = []
    if not list_only:
        with console.progress_bar() as progress:
            left_out = workspace.scores.compute(only or (), settings, progress, everything=everything)
    task = workspace.manifest.task.name
    rows = [
        {
            "score": score.name,
            "state": score_state(workspace.folder, producer),
            "serves": score.serves,
            "suspect": score.suspect,
            "high": score.high,
            "formula": score.formula,
            "source": score.source,
            "cost": producer.cost,
            "producer": producer.name,
        }
        for producer in producers_for(task).values()
        for score in producer.scores_for(task)
    ]
    if json:
        console.print_json({"scores": rows, "left_out": left_out})
        return
    shown = ("score", "state", "serves", "suspect", "high", "cost")
    headers = ("score", "state", "serves", "look at", "a high value means", "cost")
    told = [{**row, "serves": serves_word(row["serves"], task)} for row in rows]
    console.print_table(headers, [tuple(row[name] for name in shown) for row in told])
    for line in left_out:
        console.note(f"left out: {line}")
    for line in workspace.scores.not_loaded():
        console.note(line)
    console.note(f"values: {workspace.folder.scores}/*.parquet")
    for line in _next_steps(workspace, [row["producer"] for row in rows if row["state"] != "current"]):
        console.note(f"next: {line}")


def _next_steps(workspace: Workspace, absent: list[str]) -> list[str]:
    """What to do with the scores, and how to get those of the passes that are missing or stale."""
    command = f"{COMMAND} {{}} {workspace.path}"
    names, lines = list(dict.fromkeys(absent)), []
    known = producers_for(workspace.manifest.task.name)
    if any(score_state(workspace.folder, each) == "current" for each in known.values()):
        lines.append(f"`{command.format('queue')}` lists the rows to look at first, as the Review page does")
    cheap = [name for name in names if known[name].default]
    if cheap:
        lines.append(f"`{command.format('scores')}` computes {', '.join(cheap)}")
    if dear := [name for name in names if name not in cheap]:
        lines.append(f"`{command.format('scores')} --only NAME` computes any of {', '.join(dear)}")
    return lines


def queue(
    ws: WorkspacePath,
    serves: Annotated[
        str, typer.Option(help="suspect label, redundant, hard or off-domain: each its own queue.")
    ] = LABEL,
    reason: Annotated[str | None, typer.Option(help="Only rows with this score as a reason.")] = None,
    label: Annotated[str | None, typer.Option(help="Only rows of this class.")] = None,
    group: Annotated[str | None, typer.Option(help="Only rows of this group.")] = None,
    state: Annotated[str, typer.Option(help="undecided, keep, flag, remove, relabel or all.")] = UNDECIDED,
    most: Annotated[int, typer.Option(min=1, help="How many rows to print.")] = 20,
    out: Annotated[
        Path | None,
        typer.Option(help="Write every row that fits to this file: .csv, .tsv, .jsonl or .parquet."),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help="With --out: argilla or label-studio (.json, the project's set-up beside it), or cleanlab "
            "(label issues of all rows; .csv, .tsv or .parquet)."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Every training row, the most suspicious first, and why; run `scores` before."""
    wanted = QueueFilter(serves, reason, label, group, state)
    if format is not None:
        _send(ws, format, out, wanted, json)
        return
    if out is not None:
        check_target(out)
    workspace = Workspace.open(ws)
    items, space = workspace.scores.queue(wanted), workspace.space
    if out is not None:
        console.note(f"{out}: {write_queue(items, out):,} rows")
    if json:
        console.print_json([each.to_json() for each in items[:most]])
        return
    if out is not None:
        return
    rows = [
        (
            each.rank,
            f"{each.suspicion:.3f}",
            each.id,
            console.brief(space.shown(each.label)),
            f"{each.action} {each.suggested_label or ''}".strip(),
            console.shown(each.shown),
            "; ".join(_strongest(each)),
        )
        for each in items[:most]
    ]
    target, _ = target_words(space)
    headers = ("#", "suspicion", "id", target, "suggestion", "text", "reasons")
    named = serves_word(serves, space.task)
    title = f"{named}: the first {len(rows):,} of {len(items):,} rows, {items.with_reason:,} with a reason"
    console.print_table(headers, rows, title=title)
    if serves == LABEL:
        _print_noise(workspace.scores.label_noise())


def _send(ws: Path, format: str, out: Path | None, wanted: QueueFilter, json: bool) -> None:
    """Write the queue for another tool."""
    if out is None:
        raise InputError(f"--format {format}: say where to with --out")
    written = Workspace.open(ws).scores.send(format, out, wanted)
    if json:
        console.print_json(written)
        return
    print(console.plain(f"{written['out']}: {written['rows']:,} rows for {format}"))
    if written["setup"]:
        print(console.plain(f"set up the project with {written['setup']}"))


def _print_noise(noise: NoiseEstimate | None) -> None:
    """How many labels are probably wrong, and between which classes."""
    if noise is None:
        return
    console.note(f"estimated wrong labels: {noise.said()}")
    for flow in noise.flows[:MOST_FLOWS] if noise.tells else ():
        console.note(f"  {flow.said()}")


def _strongest(item: QueueItem) -> list[str]:
    """The strongest reason of each pass that gives some: several scores of one pass say much the same."""
    found: dict[str, str] = {}
    for reason in item.reasons:
        found.setdefault(producer_of(reason.score).name, reason.sentence)
    return list(found.values())
