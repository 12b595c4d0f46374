"""Asking a workspace: explain, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from backend import console
from backend.commands.about_answer import about_answer, beside_influence, print_about, written
from backend.commands.options import Device, IdleWorkspace, Json, Threads, WorkspacePath
from backend.errors import InputError
from backend.influence.answers.about_answer import DEFAULT_SIDE
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.influence.answers.question import Question, check_method
from backend.model.prediction_table import errors_named
from backend.workspace import Workspace

NO_ERRORS = "no eval row is misclassified; ordered by influence on all eval rows"


def explain(
    ws: WorkspacePath,
    text: Annotated[str | None, typer.Option(help="A sentence to explain.")] = None,
    text_b: Annotated[str | None, typer.Option(help="Its second text, for pairs.")] = None,
    row: Annotated[str | None, typer.Option(help="Or the id of a row of either split.")] = None,
    split: Annotated[str | None, typer.Option(help="train or eval, where both have that id.")] = None,
    label: Annotated[
        str | None,
        typer.Option(help="The class or label to explain, or a number; default: the predicted one."),
    ] = None,
    method: Annotated[str, typer.Option(help="Attribution method; `methods` lists them.")] = "we",
    score: Annotated[
        str | None,
        typer.Option(help="One of the method's scores, such as dot or ekfac; `methods` lists them."),
    ] = None,
    damping: Annotated[
        float | None,
        typer.Option(help="Of adam, fisher, kfac, ekfac: lambda over its mean; default: the score's own."),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many of each kind.")] = 10,
    exact: Annotated[
        bool, typer.Option("--exact", help="Scan everything; make the best ones' gradients anew in fp32.")
    ] = False,
    prompt: Annotated[str | None, typer.Option(help="Of a language model: what it is asked.")] = None,
    messages: Annotated[
        Path | None, typer.Option(help="Or a chat: a JSON file with a list of messages.", dir_okay=False)
    ] = None,
    answer: Annotated[str | None, typer.Option(help="The answer to explain; default: the row's own.")] = None,
    generate: Annotated[
        bool, typer.Option("--generate", help="Let the model answer, and explain that.")
    ] = False,
    max_tokens: Annotated[int, typer.Option(help="With --generate: at most so many tokens.")] = 128,
    temperature: Annotated[float, typer.Option(help="With --generate: 0 is the likeliest answer.")] = 0.0,
    seed: Annotated[int, typer.Option(help="With --generate and a temperature.")] = 0,
    turn: Annotated[int | None, typer.Option(help="Which turn of the row is the answer, from 0.")] = None,
    mark: Annotated[
        list[str] | None, typer.Option(help="START:END, characters of the answer; may be given again.")
    ] = None,
    instead: Annotated[
        str | None, typer.Option(help="Why the marked words, or the answer, rather than this?")
    ] = None,
    side: Annotated[str, typer.Option(help="Words that count: written, read or both.")] = DEFAULT_SIDE,
    template: Annotated[bool, typer.Option("--template", help="Template tokens count, too.")] = False,
    base: Annotated[
        bool, typer.Option("--base", help="Say, too, how much of it the model knew before it was tuned.")
    ] = False,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """The training examples, and the words in them, that made the model say this."""
    if split not in (None, "train", "eval"):
        raise InputError(f"--split {split}: must be train or eval")
    workspace = Workspace.open(ws)
    about = about_answer(prompt, messages, answer, turn, mark or (), instead, side, template)
    if generate:
        about = written(workspace, about, row, split, (max_tokens, temperature, seed), device)
    asked = Question(text, text_b, row, split, label, k, exact, method, score, damping, about)  # type: ignore[arg-type]
    workspace.check_question(asked)
    if not json:
        _note_preparation(workspace, method)
    explanation = workspace.explain(
        text,
        text_b,
        row=row,
        split=split,  # type: ignore[arg-type]
        label=label,
        k=k,
        exact=exact,
        method=method,
        score=score,
        damping=damping,
        about=about,
        device=device,
    )
    if explanation.query.fields:
        beside = beside_influence(workspace, explanation.query, about, base, device)
        if json:
            console.print_json({**explanation.to_json(), **beside.to_json()})
        else:
            print_about(explanation, beside)
    elif json:
        console.print_json(explanation.to_json())
    else:
        console.print_explanation(explanation)


def _note_preparation(workspace: Workspace, method: str) -> None:
    """That the first question to a method takes long, where it does."""
    from backend.influence.answers.registry import all_methods

    chosen = all_methods().get(method)
    if chosen is not None and not chosen.is_ready(workspace.folder):
        console.note(f"{method} looks at all training examples once, which may take minutes ({chosen.cost})")


def methods(json: Json = False) -> None:
    """The attribution methods of explain: formula, scores, cost, source, limits."""
    from backend.influence.answers.registry import all_methods
    from backend.influence.index.modes import MODES

    rows = [
        {
            "method": each.name,
            "title": each.title,
            "formula": each.formula,
            "scores": list(each.scores),
            "words": each.words,
            "cost": each.cost,
            "source": each.source,
            "limits": each.limits,
        }
        for each in all_methods().values()
    ]
    if json:
        modes = [
            {"score": each.name, "formula": each.formula, "reading": each.reading} for each in MODES.values()
        ]
        console.print_json({"methods": rows, "scores": modes})
        return
    shown = ("method", "formula", "words", "cost", "limits")
    console.print_table(shown, [tuple(row[name] for name in shown) for row in rows])
    console.print_table(
        ("method", "scores"),
        [
            (row["method"], ", ".join(each.scores))
            for row, each in zip(rows, all_methods().values(), strict=True)
        ],
    )
    console.print_table(
        ("score", "formula", "a high value means"),
        [(each.name, each.formula, each.reading) for each in MODES.values()],
    )


def prepare(
    ws: IdleWorkspace,
    method: Annotated[list[str], typer.Argument(metavar="METHOD...", help="As in explain --method.")],
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Compute once what attribution methods need beside rows and index; else their first question does."""
    workspace = Workspace.open(ws)
    for each in method:
        check_method(each)
    with console.progress_bar() as progress:
        for each in method:
            workspace.prepare_method(each, device, progress)
    print(f"ready: {', '.join(method)}")


def explain_many(
    ws: WorkspacePath,
    out: Annotated[
        Path, typer.Option(help="Parquet file to write, or .jsonl for the pretraining-tda viewer.")
    ],
    split: Annotated[str, typer.Option(help="eval or train: all rows of it are explained.")] = "eval",
    label: Annotated[str, typer.Option(help="predicted or given: the class to explain.")] = "predicted",
    score: Annotated[str, typer.Option(help="Score mode, as in explain.")] = DEFAULT_SCORE,
    k: Annotated[int, typer.Option("-k", help="How many of each kind.")] = 10,
    device: Device = "auto",
    threads: Threads = None,
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
    ws: IdleWorkspace,
    score: Annotated[str, typer.Option(help="Score mode, as in explain.")] = DEFAULT_SCORE,
    k: Annotated[int, typer.Option("-k", help="Length of the lists kept per eval row.")] = 10,
    most: Annotated[int, typer.Option(min=1, help="How many training rows to print.")] = 10,
    device: Device = "auto",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Influence of every training row on all eval rows, on the misclassified ones, and per class."""
    workspace = Workspace.open(ws)
    with console.progress_bar() as progress:
        workspace.compute_influence(score=score, k=k, device=device, progress=progress)
    by = "errors" if workspace.predictions("eval").wrong.any() else "all"
    table = workspace.influence().train.sort_by(by).slice(0, most)
    rows = [{**row, "ordered_by": by} for row in table.to_pylist()]
    if json:
        console.print_json(rows)
        if by == "all":
            console.note(f"note: {NO_ERRORS}")
        return
    _print_influence(rows, by, errors_named(workspace.manifest.task))


def _print_influence(rows: list[dict[str, Any]], by: str, errors: str) -> None:
    raised = f"training rows that most raised the loss of {errors}"
    headers = ("id", "label", "on errors", "on all eval rows", "harms errors", "harms", "helps")
    shown = [
        (
            row["id"],
            row["label"],
            *(f"{row[name]:+.3g}" for name in ("errors", "all")),
            *(row[name] for name in ("harms_errors", "harms", "helps")),
        )
        for row in rows
    ]
    console.print_table(headers, shown, title=raised if by == "errors" else f"{NO_ERRORS}, lowest first")
