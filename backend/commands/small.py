"""A small model on a workspace's rows, for benchmarks that train many times."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from backend import console
from backend.commands.options import Json, WorkspacePath
from backend.workspace import Workspace


def small(
    ws: WorkspacePath,
    out: Annotated[Path, typer.Option(help="Where the new workspace goes; its model lies beside.")],
    model: Annotated[str, typer.Option(help="cnn, or transformer (two layers of BERT, 64 wide).")] = "cnn",
    rows: Annotated[int | None, typer.Option(min=20, help="Training rows to take; default: all.")] = None,
    epochs: Annotated[float, typer.Option(help="Passes over the training rows.")] = 10.0,
    lr: Annotated[float, typer.Option(help="Peak learning rate.")] = 1e-3,
    optimizer: Annotated[str, typer.Option(help="adamw_torch or sgd.")] = "adamw_torch",
    seed: Annotated[int, typer.Option(help="Of the rows, the weights and the training.")] = 0,
    json: Json = False,
) -> None:
    """A small model on this workspace's rows, trained and precomputed: for lds and deletion, in minutes."""
    from backend.commands.state import print_status
    from backend.experiments.small import SETTINGS, small_workspace

    settings = replace(SETTINGS, epochs=epochs, lr=lr, optimizer=optimizer, seed=seed)
    workspace = Workspace.open(ws)
    with console.progress_bar() as progress:
        made = small_workspace(workspace, out, kind=model, rows=rows, settings=settings, progress=progress)
    print_status(made, json)
