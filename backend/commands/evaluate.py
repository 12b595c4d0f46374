"""Benchmarks on the workspace's own data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from backend import console
from backend.commands.options import Json, WorkspacePath
from backend.errors import InputError
from backend.workspace import Workspace

PROTOCOLS = ("index", "compare", "mislabel")


def evaluate(
    ws: WorkspacePath,
    protocol: Annotated[
        str,
        typer.Option(
            help="index: recall of the default path against --exact; compare: all methods and scores against "
            "we; mislabel: wrong labels planted in a copy, which is trained and scored."
        ),
    ] = "index",
    queries: Annotated[int, typer.Option(min=1, help="How many eval rows (index, compare).")] = 20,
    k: Annotated[int, typer.Option("-k", min=1, help="Length of the lists compared (index).")] = 10,
    score: Annotated[str, typer.Option(help="Score mode, as in explain (index).")] = "dot",
    method: Annotated[
        list[str] | None, typer.Option(help="Only these methods; may be repeated (compare).")
    ] = None,
    share: Annotated[float, typer.Option(help="Share of labels to make wrong (mislabel).")] = 0.2,
    seed: Annotated[int, typer.Option(help="Of what is planted and of the training (mislabel).")] = 0,
    epochs: Annotated[float, typer.Option(help="Of the copy's training (mislabel).")] = 3.0,
    json: Json = False,
) -> None:
    """Benchmarks on the workspace's own data."""
    if protocol not in PROTOCOLS:
        raise InputError(f"--protocol {protocol}: must be one of {', '.join(PROTOCOLS)}")
    workspace = Workspace.open(ws)
    if protocol == "index":
        _index(workspace, queries, k, score, json)
    elif protocol == "compare":
        _compare(workspace, queries, method or (), json)
    else:
        _mislabel(workspace, share, seed, epochs, json)


def _index(workspace: Workspace, queries: int, k: int, score: str, json: bool) -> None:
    with console.progress_bar() as progress:
        recall = workspace.measure_index(queries, k, score, progress)
    if json:
        console.print_json(recall)
    else:
        rows = [(end, f"{recall[end]:.4f}") for end in ("proponents", "opponents")]
        console.print_table(("list", f"recall@{k} over {recall['queries']} eval rows"), rows)


def _compare(workspace: Workspace, queries: int, methods: Sequence[str], json: bool) -> None:
    from backend.influence.registry import method_named

    for name in methods:
        method_named(name)
    with console.progress_bar() as progress:
        found, left_out = workspace.compare_methods(queries, methods, progress)
    if json:
        console.print_json({"methods": [asdict(each) for each in found], "left_out": left_out})
        return
    headers = (
        *("method", "score", "of the top 10 of we dot: helpful", "harmful", "rank correlation"),
        *("helpful ones of the explained class", "distinct helpful ones", "ms"),
    )
    console.print_table(headers, [_cells(each) for each in found])
    for line in left_out:
        console.note(f"left out: {line}")


def _mislabel(workspace: Workspace, share: float, seed: int, epochs: float, json: bool) -> None:
    from backend.mislabel import MislabelSettings, evaluate_mislabel
    from backend.model.training_settings import TrainingSettings

    settings = MislabelSettings(share, seed)
    training = TrainingSettings(epochs=epochs, seed=seed, max_length=workspace.manifest.max_length)
    with console.progress_bar() as progress:
        found = evaluate_mislabel(workspace, training, settings, progress)
    if json:
        console.print_json([asdict(each) for each in found])
    else:
        headers = ("score", "AUROC", "average precision", "recall in the first 10 %")
        title = f"finding {share:.0%} of wrong labels that were planted in a copy"
        console.print_table(headers, [_cells(each) for each in found], title)


def _cells(record: Any) -> list[str]:
    return [f"{each:.3g}" if isinstance(each, float) else str(each) for each in asdict(record).values()]
