"""Correcting what a row teaches a language model: correct."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from backend import console
from backend.commands.options import Author, Reason, WorkspacePath
from backend.errors import InputError
from backend.workspace import Workspace

_SPAN = re.compile(r"(\d{1,9}):(\d{1,9})")


def correct(
    ws: WorkspacePath,
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of a training row.")],
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="[TEXT]", help="What the model shall write (one that begins with - after --)."
        ),
    ] = None,
    turn: Annotated[
        int | None,
        typer.Option(
            help="Which turn, by its place in the row as imported, counted from 0 (a system column is turn 0 "
            "where it says something); may be left out where one is learnt."
        ),
    ] = None,
    drop_turn: Annotated[
        int | None, typer.Option("--drop-turn", help="Take this turn out of the conversation.")
    ] = None,
    mask: Annotated[
        str | None,
        typer.Option(
            metavar="START:END", help="Take these characters of an answer, counted from 0, out of the loss."
        ),
    ] = None,
    reason: Reason = "",
    author: Author = None,
) -> None:
    """Correct what a row teaches a language model: another answer, a turn less, words that are not learnt."""
    workspace = Workspace.open(ws)
    batch = workspace.review.correct(
        id,
        text,
        turn=turn,
        drop=drop_turn,
        mask=None if mask is None else _span(mask),
        reason=reason,
        author=author,
        origin="cli",
    )
    what = f"without turn {drop_turn}" if drop_turn is not None else f"masked {mask}" if mask else "new text"
    where = f" of turn {turn}" if turn is not None else ""
    print(f"correct {console.brief(id)}: {what}{where}   (decision {batch}; `undo {ws}` takes it back)")


def _span(given: str) -> tuple[int, int]:
    match = _SPAN.fullmatch(given)
    if match is None:
        raise InputError(f"--mask {given}: give the first character and that behind the last, such as 0:12")
    return int(match[1]), int(match[2])
