"""How much of an answer fine-tuning taught a language model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from backend import console
from backend.commands.match import parse_mark
from backend.commands.options import Device, Json, WorkspacePath
from backend.errors import InputError
from backend.influence.answers.about_answer import AboutAnswer
from backend.workspace import Workspace


def taught(
    ws: WorkspacePath,
    row: Annotated[str | None, typer.Option(help="The id of a row of either split.")] = None,
    split: Annotated[str | None, typer.Option(help="train or eval, where both have that id.")] = None,
    turn: Annotated[int | None, typer.Option(help="Number of the turn, where a row has several.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Or what is asked; --answer says what is said.")] = None,
    answer: Annotated[str | None, typer.Option(help="Another answer than the row's.")] = None,
    mark: Annotated[
        list[str] | None, typer.Option(help="START:END, characters of the answer; may be given again.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="The model that the run began with, where it is not known.")
    ] = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """How much of an answer's loss fine-tuning changed, and how much the base model said anyway."""
    marks = tuple(parse_mark(each) for each in mark or ())
    about = AboutAnswer(prompt=prompt, answer=answer, turn=turn, marks=marks)
    if split not in (None, "train", "eval"):
        raise InputError(f"--split {split}: must be train or eval")
    found, name = Workspace.open(ws).base_share(
        row=row,
        split=split,  # type: ignore[arg-type]
        about=about,
        base=base,
        device=device,
    )
    if json:
        console.print_json({"base": name, "spans": [asdict(each) for each in found]})
        return
    print(f"base       {console.shown(name)}")
    headers = ("turn", "characters", "text", "tokens", "base", "fine-tuned", "share", "verdict")
    rows = [
        (
            each.turn,
            f"{each.start}:{each.end}",
            each.text,
            len(each.tokens),
            f"{each.base:.2f}",
            f"{each.tuned:.2f}",
            "" if each.share is None else f"{each.share:.0%}",
            each.says,
        )
        for each in found
    ]
    console.print_table(headers, rows, title="summed loss in nats before and after fine-tuning")
