"""Asking a workspace: explain, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backend import console
from backend.commands.options import Device, Json, WorkspacePath
from backend.errors import InputError
from backend.workspace import Workspace


def explain(
    ws: WorkspacePath,
    text: Annotated[str | None, typer.Option(help="A sentence to explain.")] = None,
    text_b: Annotated[str | None, typer.Option(help="Its second text, for pairs.")] = None,
    row: Annotated[str | None, typer.Option(help="Or the id of a row of either split.")] = None,
    split: Annotated[str | None, typer.Option(help="train or eval, where both have that id.")] = None,
    label: Annotated[
        str | None, typer.Option(help="The class to explain; default: the predicted one.")
    ] = None,
    method: Annotated[str, typer.Option(help="Attribution method.")] = "we",
    score: Annotated[str, typer.Option(help="dot, train-normalised, cosine, fisher, kfac or ekfac.")] = "dot",
    k: Annotated[int, typer.Option("-k", help="How many of each kind.")] = 10,
    exact: Annotated[
        bool, typer.Option("--exact", help="Scan everything; make the best ones' gradients anew in fp32.")
    ] = False,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """The training examples, and the words in them, that made the model say this."""
    if split not in (None, "train", "eval"):
        raise InputError(f"--split {split}: must be train or eval")
    explanation = Workspace.open(ws).explain(
        text,
        text_b,
        row=row,
        split=split,  # type: ignore[arg-type]
        label=label,
        k=k,
        exact=exact,
        method=method,
        score=score,
        device=device,
    )
    if json:
        console.print_json(explanation.to_json())
    else:
        console.print_explanation(explanation)


def explain_many(
    ws: WorkspacePath,
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    split: Annotated[str, typer.Option(help="eval or train: all rows of it are explained.")] = "eval",
    label: Annotated[str, typer.Option(help="predicted or given: the class to explain.")] = "predicted",
    score: Annotated[str, typer.Option(help="Score mode, as in explain.")] = "dot",
    k: Annotated[int, typer.Option("-k", help="How many of each kind.")] = 10,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """The strongest training examples of every row of a split, as one table."""
    if split not in ("train", "eval"):
        raise InputError(f"--split {split}: must be train or eval")
    with console.progress_bar() as progress:
        done = Workspace.open(ws).explain_many(
            out,
            split=split,  # type: ignore[arg-type]
            label=label,
            score=score,
            k=k,
            device=device,
            progress=progress,
        )
    if json:
        console.print_json({"explained": done, "out": str(out)})
    else:
        print(f"{out}: the {k} most helpful and harmful training examples of {done:,} {split} rows")


def influence(
    ws: WorkspacePath,
    score: Annotated[str, typer.Option(help="Score mode, as in explain.")] = "dot",
    k: Annotated[int, typer.Option("-k", help="Length of the lists kept per eval row.")] = 10,
    most: Annotated[int, typer.Option(min=1, help="How many training rows to print.")] = 10,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Influence of every training row on all eval rows, on the misclassified ones, and per class."""
    workspace = Workspace.open(ws)
    with console.progress_bar() as progress:
        workspace.compute_influence(score=score, k=k, device=device, progress=progress)
    table = workspace.influence().train.sort_by("errors").slice(0, most)
    rows = table.to_pylist()
    if json:
        console.print_json(rows)
        return
    console.print_table(
        ("id", "label", "on errors", "on all eval rows", "harms errors", "harms", "helps"),
        [
            (
                row["id"],
                row["label"],
                f"{row['errors']:+.3g}",
                f"{row['all']:+.3g}",
                row["harms_errors"],
                row["harms"],
                row["helps"],
            )
            for row in rows
        ],
        title="training rows that most raised the loss of misclassified eval rows",
    )


def evaluate(
    ws: WorkspacePath,
    protocol: Annotated[
        str, typer.Option(help="index: recall of the default path against --exact.")
    ] = "index",
    queries: Annotated[int, typer.Option(help="How many eval rows.")] = 20,
    k: Annotated[int, typer.Option("-k", help="Length of the lists compared.")] = 10,
    score: Annotated[str, typer.Option(help="Score mode, as in explain.")] = "dot",
    json: Json = False,
) -> None:
    """Benchmarks on the workspace's own data."""
    if protocol != "index":
        raise InputError(f"--protocol {protocol}: must be index")
    if queries < 1 or k < 1:
        raise InputError("--queries and -k: must be at least 1")
    with console.progress_bar() as progress:
        recall = Workspace.open(ws).measure_index(queries, k, score, progress)
    if json:
        console.print_json(recall)
    else:
        rows = [(end, f"{recall[end]:.4f}") for end in ("proponents", "opponents")]
        console.print_table(("list", f"recall@{k} over {recall['queries']} eval rows"), rows)
