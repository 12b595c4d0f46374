"""Making a workspace: demo, build, train, dynamics, attach, precompute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backend import console
from backend.commands.columns import Turns, columns_of, default_model, listed_names
from backend.commands.options import (
    Annotator,
    BalancedBatches,
    Base,
    BatchSize,
    Best,
    Classes,
    ClassWeights,
    Completion,
    Device,
    Epochs,
    Eval,
    Group,
    Id,
    IdleWorkspace,
    Json,
    Label,
    Labels,
    Layers,
    Lora,
    Loss,
    MaxLength,
    MergeLabels,
    Messages,
    Model,
    Names,
    Patience,
    Prompt,
    Rank,
    Rate,
    SkipBadRows,
    SkipJoinedLabels,
    SplitColumn,
    System,
    TaskOption,
    Text,
    TextB,
    Threads,
    Tools,
    Train,
    WorkspacePath,
)
from backend.commands.state import print_status
from backend.commands.train import announce
from backend.demos.build import SENTENCES, build_demo, complete_demo, demo_command, demo_of, rest_of
from backend.errors import InputError
from backend.workspace import Workspace


def demo(
    task: Annotated[
        str, typer.Option(help="classification, multilabel, regression, or causal-lm: a language model.")
    ] = SENTENCES.task,
    out: Annotated[
        Path | None, typer.Option(help="Where the workspace goes; default: a folder of its own in the home.")
    ] = None,
    first: Annotated[
        bool, typer.Option("--first", help="Only what questions need: model, gradient rows, index.")
    ] = False,
    background: Annotated[
        bool, typer.Option("--background", help="Leave the rest to a job of the app.")
    ] = False,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Build a demo workspace, of any task; what is there is kept."""
    kind = demo_of(task)
    path = out or kind.path
    if not path.exists():
        console.note(f"building {path}: {kind.costs}")
    with console.progress_bar() as progress:
        workspace = build_demo(path, progress, task=task)
        rest = "" if first else rest_of(workspace)
        if rest:
            console.note(f"{'to come in the background' if background else 'now the rest'}: {rest}")
            if not background:
                complete_demo(workspace, progress)
    if background and rest:
        _complete_in_background([*demo_command(kind), *(["--out", str(path)] if path != kind.path else [])])
    print_status(workspace, json)


def _complete_in_background(command: list[str]) -> None:
    from backend.jobs.process import LOGS, start_command

    try:
        start_command(command, LOGS)
    except InputError as error:  # the same job is running
        console.note(str(error))
    else:
        console.note("the rest of the demo is computed in the background; the app says what is still coming")


def build(
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
    run: Annotated[
        Path | None, typer.Option(help="Instead of training: output folder of a transformers.Trainer run.")
    ] = None,
    base: Base = None,
    classes: Classes = None,
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
    epochs: Epochs = None,
    lr: Rate = None,
    batch_size: BatchSize = None,
    best: Best = False,
    patience: Patience = None,
    class_weights: ClassWeights = False,
    balanced_batches: BalancedBatches = False,
    lora: Lora = None,
    rank: Rank = None,
    seed: Annotated[int, typer.Option(help="Of the held-out fraction and of the training.")] = 0,
    skip_bad_rows: SkipBadRows = False,
    skip_joined_labels: SkipJoinedLabels = False,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """init, then train or attach, then precompute; the same command continues where it was stopped."""
    from backend.build import Recipe, build_workspace

    recipe = Recipe(
        train=train,
        eval=eval,
        columns=columns_of(
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
        ),
        model=default_model(task) if model is None else model,
        layers=layers,
        run=run,
        base=base,
        classes=None if classes is None else tuple(listed_names(classes)),
        max_length=max_length,
        epochs=epochs,
        lr=lr,
        batch_size=batch_size,
        best=best,
        patience=patience,
        class_weights=class_weights,
        balanced_batches=balanced_batches,
        lora=lora,
        rank=rank,
        seed=seed,
        skip_bad_rows=skip_bad_rows,
        skip_joined_labels=skip_joined_labels,
        merge_labels=merge_labels,
        names=names,
    )
    with console.progress_bar() as progress:
        workspace = build_workspace(ws, recipe, progress, announce)
    print_status(workspace, json)


def dynamics(
    ws: IdleWorkspace,
    seeds: Annotated[int, typer.Option(help="How many runs in all, that of `train` included.")] = 3,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Repeat the training with other seeds and keep the log of every check: scores average over runs."""
    workspace = Workspace.open(ws)
    with console.progress_bar() as progress:
        workspace.compute_dynamics(seeds, progress)
    print_status(workspace, json)


def attach(
    ws: IdleWorkspace,
    run: Annotated[Path, typer.Option(help="Output folder of a transformers.Trainer run.")],
    classes: Classes = None,
    max_length: Annotated[int | None, typer.Option(help="Longest text in tokens.")] = None,
    tokenizer: Annotated[str | None, typer.Option(help="Folder or hub id, if the run has none.")] = None,
    base: Base = None,
    loss: Annotated[
        str | None,
        typer.Option(help="Of a language model, the tokens in its loss: completion, assistant, or all."),
    ] = None,
    checkpoints: Annotated[int, typer.Option(help="How many to use.")] = 4,
    learning_rate: Annotated[
        float | None, typer.Option(help="Its highest learning rate, if the run does not say.")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="linear, cosine, constant, ...: with --learning-rate.")
    ] = None,
    warmup_steps: Annotated[int | None, typer.Option(help="With --learning-rate.")] = None,
    json: Json = False,
) -> None:
    """Use the checkpoints of an existing Trainer run instead of training."""
    workspace = Workspace.open(ws)
    names = listed_names(classes) if classes is not None else None
    for line in workspace.attach(
        run,
        classes=names,
        max_length=max_length,
        tokenizer=tokenizer,
        base=base,
        loss=loss,
        count=checkpoints,
        learning_rate=learning_rate,
        schedule=schedule,
        warmup_steps=warmup_steps,
    ):
        console.note(f"note: {line}")
    print_status(workspace, json)


def precompute(
    ws: IdleWorkspace,
    device: Device = "auto",
    precision: Annotated[
        str, typer.Option(help="fp32, bf16, or auto: bf16 where it is faster and ranks as fp32 does.")
    ] = "auto",
    row_store: Annotated[
        str | None,
        typer.Option(help="int8, full (fp32), or pca:N such as pca:64; default: what is there, else int8."),
    ] = None,
    attention: Annotated[str, typer.Option(help="eager, sdpa, or auto: the faster one.")] = "auto",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Gradient rows, predictions and index; what is there already is kept, so a stopped run continues."""
    from backend.influence.rowstore.settings import PrecomputeSettings

    settings = PrecomputeSettings(device, precision, attention, row_store)
    workspace = Workspace.open(ws)
    with console.progress_bar() as progress:
        workspace.precompute(settings, progress)
    print_status(workspace, json)
