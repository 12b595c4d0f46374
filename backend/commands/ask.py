"""Asking a workspace: explain, evaluate."""

from __future__ import annotations

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
    score: Annotated[str, typer.Option(help="Score mode.")] = "dot",
    k: Annotated[int, typer.Option("-k", help="How many of each kind.")] = 10,
    exact: Annotated[
        bool, typer.Option("--exact", help="Scan everything instead of using the index.")
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


def evaluate(
    ws: WorkspacePath,
    protocol: Annotated[
        str, typer.Option(help="index: recall of the default path against the full scan.")
    ] = "index",
    queries: Annotated[int, typer.Option(help="How many eval rows.")] = 100,
    k: Annotated[int, typer.Option("-k", help="Length of the lists compared.")] = 10,
    json: Json = False,
) -> None:
    """Benchmarks on the workspace's own data."""
    if protocol != "index":
        raise InputError(f"--protocol {protocol}: must be index")
    if queries < 1 or k < 1:
        raise InputError("--queries and -k: must be at least 1")
    with console.progress_bar() as progress:
        recall = Workspace.open(ws).measure_index(queries, k, progress)
    if json:
        console.print_json(recall)
    else:
        rows = [(end, f"{recall[end]:.4f}") for end in ("proponents", "opponents")]
        console.print_table(("list", f"recall@{k} over {recall['queries']} eval rows"), rows)
