"""Training: the plan and its forecast, then the run and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend import console
from backend.commands.figures import hardly_learnt_lines
from backend.commands.options import (
    BalancedBatches,
    BatchSize,
    Best,
    ClassWeights,
    Epochs,
    Json,
    Lora,
    Patience,
    Rank,
    Rate,
    Threads,
    WorkspacePath,
    idle,
)
from backend.commands.state import print_status
from backend.data.remark import count_of
from backend.progress import epochs_words, remaining
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.model.figures import Figures
    from backend.model.training import TrainingResult
    from backend.model.training_settings import TrainingSettings


def train(
    ws: WorkspacePath,
    epochs: Epochs = None,
    lr: Rate = None,
    batch_size: BatchSize = None,
    optimizer: Annotated[str | None, typer.Option(help="A name of transformers' optim, or sgd.")] = None,
    scheduler: Annotated[str | None, typer.Option(help="linear, cosine, constant, ...")] = None,
    warmup: Annotated[
        float | None, typer.Option(help="Share of the steps in which the rate rises; default: planned.")
    ] = None,
    seed: Annotated[int | None, typer.Option()] = None,
    max_length: Annotated[int | None, typer.Option(help="Longest text in tokens.")] = None,
    lora: Lora = None,
    rank: Rank = None,
    checkpoints: Annotated[int | None, typer.Option(help="How many to keep.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, bf16 or auto.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or auto.")] = None,
    best: Best = False,
    patience: Patience = None,
    class_weights: ClassWeights = False,
    balanced_batches: BalancedBatches = False,
    dynamics: Annotated[
        bool,
        typer.Option(help="Log how the model sees all training rows at every epoch, four times at least."),
    ] = True,
    again: Annotated[
        bool, typer.Option("--again", help="Train another run; the one that is there is kept (`runs`).")
    ] = False,
    plan: Annotated[
        bool,
        typer.Option("--plan", "--dry-run", help="Only say how it would train and how long; train nothing."),
    ] = False,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Fine-tune the workspace's model, as planned where nothing else is asked; saves checkpoints."""
    if not plan:
        idle(ws)
    given = {
        "epochs": epochs,
        "lr": lr,
        "batch_size": batch_size,
        "optimizer": optimizer,
        "scheduler": scheduler,
        "warmup": warmup,
        "seed": seed,
        "max_length": max_length,
        "checkpoints": checkpoints,
        "precision": precision,
        "device": device,
        "best": best,
        "patience": patience,
        "class_weights": class_weights,
        "balanced_batches": balanced_batches,
        "dynamics": dynamics,
        "lora": lora,
        "rank": rank,
    }
    workspace = Workspace.open(ws)
    if not plan:
        workspace.check_trainable(again)
    settings = workspace.planned_settings(given)
    content = announce(workspace, given, settings)
    if plan:
        if json:
            console.print_json(content)
        return
    with console.progress_bar() as progress:
        result = workspace.train(settings, progress, again=again)
    console.note(f"{result.steps:,} steps in {remaining(result.seconds)}")
    for line in learnt_lines(result):
        console.note(line)
    if result.checkpoints[-1].step < result.steps:
        names = {name: title for name, title, _ in workspace.task.figure_names}
        title = names[workspace.task.goes_by].replace("Macro", "macro")
        console.note(f"the best {title} was at step {result.checkpoints[-1].step:,}: that is the model")
    if json and result.figures:  # else the status says it
        say_figures(workspace, result.figures)
    elif json and result.measured:
        console.note(", ".join(f"{each.title} {each.value:.3f}" for each in result.measured) + " on eval")
    print_status(workspace, json)


def learnt_lines(result: TrainingResult) -> list[str]:
    """What a language model was given, and what it has learnt of it."""
    lines = []
    if result.cut:
        lines.append(f"{count_of(result.cut, 'row')} cut to {result.max_length:,} tokens")
    if result.unlearnt:
        lines.append(f"{count_of(result.unlearnt, 'row')} left out: no token of theirs is in the loss")
    if result.calls:
        lines.append(result.calls)
    before = {each.name: each.value for each in result.before}
    lines += [
        f"{each.title} {before[each.name]:.3f} before, {each.value:.3f} now, on eval"
        for each in result.measured
        if each.name in before and each.better == "low"
    ]
    return lines


def say_figures(workspace: Workspace, figures: Figures) -> None:
    """What a training came to, on stderr."""
    from backend.model.planned import judged

    console.note(
        f"accuracy {figures.accuracy:.1%} on eval (always {console.plain(figures.majority_class)}: "
        f"{figures.majority:.1%}), macro-F1 {figures.macro_f1:.3f}"
    )
    hardly = judged(workspace.folder, figures)
    for line in hardly_learnt_lines(vars(hardly) if hardly else None):
        console.note(line)


def announce(workspace: Workspace, given: dict[str, Any], settings: TrainingSettings) -> dict[str, Any]:
    """Say the plan, its warnings and its time on stderr; returns them ready for JSON."""
    plan = workspace.plan_training(given)
    console.note(
        f"plan: {epochs_words(settings.epochs)}, {plan.steps:,} steps of {settings.batch_size:,} rows, "
        f"learning rate {settings.lr:g}"
    )
    console.note(f"why: {plan.reason}")
    for line in plan.warnings:
        console.note(f"warning: {line}")
    if settings.class_weights:
        console.note("note: influence will be that of the plain loss; the weights only change the training")
    forecast = workspace.forecast_training(settings)
    console.note(f"this will take about {remaining(forecast.seconds)} on this machine")
    return {"plan": plan.to_json(), "forecast": forecast.to_json()}


def runs(
    ws: WorkspacePath,
    use: Annotated[
        int | None, typer.Option(metavar="N", help="Explain training N from now on; the others are kept.")
    ] = None,
    json: Json = False,
) -> None:
    """The workspace's trainings, with settings and figures, and which one is explained."""
    workspace = Workspace.open(ws)
    if use is not None:
        workspace.use_run(use)
    found = workspace.runs()
    if json:
        console.print_json(found)
        return
    columns = ("number", "created", "current", "epochs", "lr", "batch_size", "steps")
    figures = [name for name, *_ in workspace.task.figure_names]
    rows = [
        [
            *(_cell(each[name]) for name in columns),
            *(_cell(each["figures"].get(name)) for name in figures),
            each["folder"],
        ]
        for each in found
    ]
    console.print_table((*columns, *figures, "folder"), rows)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
