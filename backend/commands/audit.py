"""Audits of the training data: its sources, and its words."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backend import console
from backend.commands.influence_of_sources import asked_of_sources, print_influence
from backend.commands.language_words import print_words, sides_named
from backend.commands.options import Device, IdleWorkspace, Json, Threads, WorkspacePath, idle
from backend.errors import InputError
from backend.influence.answers.about_answer import DEFAULT_SIDE
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.influence.answers.explanation import WordScore
from backend.model.prediction_table import errors_named
from backend.scores.clean_set import too_few_clean
from backend.scores.settings import ScoreSettings
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.audit.row_words import Sides

_SHOWN_ROWS = 3


def sources(
    ws: IdleWorkspace,
    clean: Annotated[str, typer.Option(help="The target: eval rows, or kept training rows.")] = "eval",
    eta: Annotated[float, typer.Option(help="Size of the DGA step whose weights are given.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the sampled rows.")] = 0,
    influence: Annotated[
        bool,
        typer.Option("--influence", help="Instead: influence of each group on all eval rows, or on --row."),
    ] = False,
    row: Annotated[str | None, typer.Option(help="With --influence: a row of either split.")] = None,
    split: Annotated[str | None, typer.Option(help="train or eval, where both have that id.")] = None,
    prompt: Annotated[
        str | None, typer.Option(help="Or, of a language model: a prompt, with --answer.")
    ] = None,
    answer: Annotated[str | None, typer.Option(help="The answer to it, or to the row's question.")] = None,
    score: Annotated[str, typer.Option(help="Score mode of the influence.")] = DEFAULT_SCORE,
    device: Device = "auto",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Which groups of training rows pull the model towards the target, and how to weigh them."""
    workspace = Workspace.open(ws)
    asked = asked_of_sources(row, split, prompt, answer)
    if influence:
        print_influence(workspace, asked, score, device, json)
        return
    if asked is not None:
        raise InputError("--row, --prompt, --answer: of the influence of sources; add --influence")
    settings = ScoreSettings(device=device, seed=seed, clean=clean)
    with console.progress_bar() as progress:
        workspace.audit.compute_sources(settings, eta=eta, progress=progress)
    found = workspace.audit.sources()
    if json:
        content = {"clean": clean, "eta": eta, "sources": found.table.to_pylist()}
        console.print_json({**content, "cosines": found.cosines.to_pylist()})
        return
    together = [each for each in found.table.to_pylist() if each["step"] is None]
    together.sort(key=lambda each: (-each["weight"], each["source"]))
    headers = ("source", "rows", "mean alignment", "+-", "against", "cosine", "weight of one step")
    rows = [
        (
            each["source"],
            f"{each['rows']:,}",
            *(_number(each[name], "+.3g") for name in ("mean", "standard_error")),
            _number(each["negative"], ".0%"),
            _number(each["cosine"], "+.2f"),
            _number(each["weight"], ".3f"),
        )
        for each in together
    ]
    console.print_table(headers, rows, title=f"alignment of sources with {clean} rows, all checkpoints")
    pairs = {
        (each["source"], each["other"]): each["cosine"]
        for each in found.cosines.to_pylist()
        if each["step"] is None
    }
    names = [each["source"] for each in together]
    matrix = [(one, *(f"{pairs[one, other]:+.2f}" for other in names)) for one in names]
    console.print_table(("cosine of", *names), matrix, title="cosines between the gradients of sources")


def words(
    ws: WorkspacePath,
    score: Annotated[str, typer.Option(help="Score mode, as in explain.")] = DEFAULT_SCORE,
    most: Annotated[int, typer.Option(min=1, help="How many words to print.")] = 20,
    row: Annotated[
        str | None, typer.Option(help="Instead: one training row, its words' influence and alignment.")
    ] = None,
    side: Annotated[
        str, typer.Option(help="Of a language model: words that count, written, read or both.")
    ] = DEFAULT_SIDE,
    template: Annotated[bool, typer.Option("--template", help="Of one: template tokens, too.")] = False,
    device: Device = "auto",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Which words carry the most harm to eval rows that the model gets wrong, and in which training rows."""
    if row is None:
        idle(ws)
    workspace = Workspace.open(ws)
    sides = sides_named(workspace.manifest.task.name, side, template)
    if row is not None:
        _words_of_row(workspace, row, score, sides, device, json)
        return
    with console.progress_bar() as progress:
        workspace.audit.compute_words(score=score, device=device, progress=progress)
    if sides is not None:
        print_words(workspace, sides, most, device, json)
        return
    rows = workspace.audit.words().slice(0, most).to_pylist()
    if json:
        console.print_json(rows)
        return
    named = errors_named(workspace.manifest.task)
    headers = ("token", "kind", "word", "harmful", "helpful", "net", "rows", "label", "z", "worst rows")
    shown = [
        (
            each["token"],
            each["kind"],
            each["word"],
            *(f"{each[name]:+.3g}" for name in ("harmful", "helpful", "net")),
            f"{each['n_rows']:,}",
            each["z_label"] or "",
            _number(each["z"], "+.1f"),
            "  ".join(f"{name} {term:+.2g}" for name, term in _worst(each)),
        )
        for each in rows
    ]
    console.print_table(headers, shown, title=f"tokens that raised the loss of {named}")
    console.note(
        "z: how strongly the word goes with that label (or with high or low numbers) in the training rows"
    )


def _words_of_row(
    workspace: Workspace, row: str, score: str, sides: Sides | None, device: str, json: bool
) -> None:
    harm = workspace.audit.row_words(row, score=score, device=device, sides=sides)
    settings = ScoreSettings(device=device)
    few = too_few_clean(workspace.folder, settings)
    aligned = None if few else workspace.audit.row_alignment(row, settings, sides)
    if json:
        console.print_json({"errors": asdict(harm), "clean": None if aligned is None else asdict(aligned)})
        return
    one, other = (
        {(e.field, e.start, e.side): e for e in (each.words if each else ())} for each in (harm, aligned)
    )
    carried = [
        (
            _word_named(one.get(place) or other[place], sides),
            *(_score(each.get(place)) for each in (one, other)),
        )
        for place in sorted(one.keys() | other.keys())
    ]
    special = "special tokens" if sides is None else "template tokens"
    lines = [
        *carried,
        (special, harm.special, aligned and aligned.special),
        ("all", harm.score, aligned and aligned.score),
    ]
    rows = [(word, _number(first, "+.3g"), _number(second, "+.3g")) for word, first, second in lines]
    named = console.brief(row) + (f", labelled {console.brief(harm.label)}" if sides is None else "")
    title = f"{named}; below 0: training on it raised their loss"
    console.print_table(
        ("word", "influence on eval errors", "alignment with the clean set"), rows, title=title
    )
    if few:
        console.note(few)


def _word_named(word: WordScore, sides: Sides | None) -> str:
    return word.word if sides is None else f"{word.word} (turn {word.field}, {word.side})"


def _score(word: WordScore | None) -> float | None:
    return None if word is None else word.score


def _worst(token: dict[str, Any]) -> list[tuple[str, float]]:
    return list(zip(token["top_rows"], token["top_terms"], strict=True))[:_SHOWN_ROWS]


def _number(value: Any, form: str) -> str:
    return "" if value is None else format(value, form)
