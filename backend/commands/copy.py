"""Another try: the same rows and decisions in a new workspace, with another model or other settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backend import console
from backend.commands.options import (
    BalancedBatches,
    BatchSize,
    Best,
    ClassWeights,
    Epochs,
    Json,
    Layers,
    Lora,
    Patience,
    Rank,
    Rate,
    WorkspacePath,
)
from backend.commands.state import print_status
from backend.commands.train import train
from backend.workspace import Workspace


def copy(
    ws: WorkspacePath,
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The new workspace's folder.")],
    model: Annotated[str | None, typer.Option(help="Another model: hub id, local folder, or minilm.")] = None,
    layers: Layers = None,
    epochs: Epochs = None,
    lr: Rate = None,
    batch_size: BatchSize = None,
    seed: Annotated[int | None, typer.Option(help="Of the training.")] = None,
    best: Best = False,
    patience: Patience = None,
    class_weights: ClassWeights = False,
    balanced_batches: BalancedBatches = False,
    lora: Lora = None,
    rank: Rank = None,
    only: Annotated[bool, typer.Option("--no-train", help="Copy only; train later.")] = False,
    json: Json = False,
) -> None:
    """Copy data and decisions, not the model, into a new workspace, and train there."""
    given = {
        "epochs": epochs,
        "lr": lr,
        "batch_size": batch_size,
        "seed": seed,
        "best": best,
        "patience": patience,
        "class_weights": class_weights,
        "balanced_batches": balanced_batches,
        "lora": lora,
        "rank": rank,
    }
    source = Workspace.open(ws)
    if not only:
        source.planned_settings(given)  # a wrong value is refused before there is anything at NEW
    made = source.copy(new, model=model, layers=layers)
    console.note(f"{new}: the rows and decisions of {ws}")
    if only:
        print_status(made, json)
        return
    train(new, **given, json=json)  # type: ignore[arg-type]
