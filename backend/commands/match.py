"""What of a text is literally in the training rows of a language model."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Annotated

import typer

from backend import console
from backend.commands.options import Json, WorkspacePath
from backend.data.messages import shown_value
from backend.errors import InputError
from backend.matches.match import Match, Place, Span
from backend.matches.tally import Count
from backend.workspace import Workspace

NO_INFLUENCE = "a match says what is written in the data; what the model learnt from it, `explain` says"


def parse_mark(text: str) -> tuple[int, int]:
    """START:END in characters, from 0; `InputError` for anything else."""
    found = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,9})", text.strip())
    if found is None:
        raise InputError(f"--mark {shown_value(text)}: must be START:END in characters, such as 0:12")
    return int(found[1]), int(found[2])


def match(
    ws: WorkspacePath,
    text: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    row: Annotated[str | None, typer.Option(help="Or the id of a row, for its answer.")] = None,
    split: Annotated[str | None, typer.Option(help="train or eval, where both have that id.")] = None,
    turn: Annotated[int | None, typer.Option(help="Number of the turn; default: the last answer.")] = None,
    mark: Annotated[str | None, typer.Option(help="START:END, characters of it; default: all.")] = None,
    ignore_case: Annotated[
        bool, typer.Option("--ignore-case", help="Case, and how much white space there is, do not matter.")
    ] = False,
    k: Annotated[int, typer.Option("-k", min=0, help="How many places and parts are listed.")] = 10,
    json: Json = False,
) -> None:
    """Is it literally in the training data: in answers or in what is read, how often, and where."""
    if (text is None) == (row is None):
        raise InputError("match needs a text or --row ID: one of them")
    if split not in (None, "train", "eval"):
        raise InputError(f"--split {split}: must be train or eval")
    if row is None and (split is not None or turn is not None):
        raise InputError("--split and --turn are for --row")
    marked = None if mark is None else parse_mark(mark)
    workspace, without = Workspace.open(ws), None
    if row is not None:
        text, without = workspace.matches.answer(row, split, turn)  # type: ignore[arg-type]
    assert text is not None
    with console.progress_bar() as progress:
        found = workspace.matches.find(
            text, marked, fold=ignore_case, without=without, most=k, progress=progress
        )
    start, end = marked or (0, len(text))
    spans = workspace.matches.spans(text[start:end], fold=ignore_case, without=without)
    if json:
        console.print_json({**asdict(found), "spans": [asdict(each) for each in spans]})
        return
    _print(found, spans, workspace.manifest.data.n_train, k)


def _print(found: Match, spans: list[Span], rows: int, most: int) -> None:
    print(f"text       {console.shown(found.text)}")
    others = "" if found.without is None else f", row {console.brief(found.without)} aside"
    print(f"compared   {'case and white space aside' if found.folded else 'character by character'}{others}")
    tally = found.found
    print(f"literally  in {tally.rows:,} of {rows:,} training rows")
    print(f"answers    {_counted(tally.answers)}")
    print(f"read       {_counted(tally.read)} (prompts, system texts, tools)")
    if found.places:
        headers = ("row", "turn", "role", "characters", "there")
        title = f"places, answers first; {found.more:,} more" if found.more else "places, answers first"
        console.print_table(headers, [_place(each) for each in found.places], title=title)
    if len(spans) > 1 or any(each.text != found.text for each in spans):
        longest = sorted(spans, key=lambda each: (-each.units, each.found.rows, each.start))
        parts = [
            (
                f"{each.start}:{each.end}",
                each.text,
                each.units,
                _short(each.found.answers),
                _short(each.found.read),
            )
            for each in longest[:most]
        ]
        headers = ("characters", "part", "words and signs", "in answers", "read")
        console.print_table(headers, parts, title="the longest parts that are literally there")
    console.note(NO_INFLUENCE)


def _place(place: Place) -> tuple[str, ...]:
    turn = "" if place.turn < 0 else str(place.turn)
    there = f"{place.before}[{place.text}]{place.after}"
    return place.row, turn, place.role, f"{place.start}:{place.end}", there


def _counted(count: Count) -> str:
    return f"{_times(count)} in {_rows(count)}" if count.times else "not"


def _times(count: Count) -> str:
    return "once" if count.times == 1 else f"{count.times:,} times"


def _short(count: Count) -> str:
    return f"{count.times:,} in {_rows(count)}" if count.times else ""


def _rows(count: Count) -> str:
    return f"{count.rows:,} row{'' if count.rows == 1 else 's'}"
