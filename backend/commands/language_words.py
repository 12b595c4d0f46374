"""The table of words of a language model: by side, each word with a conversation in which it stands."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from backend import console
from backend.errors import InputError
from backend.influence.answers.about_answer import DEFAULT_SIDE, SIDES
from backend.influence.gradients.sides import READ, TEMPLATE_READ, TEMPLATE_WRITTEN, WRITTEN
from backend.manifest import TaskName
from backend.model.prediction_table import errors_named
from backend.tasks.heads import CAUSAL_LM
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.audit.row_words import Sides
    from backend.audit.word_places import WordPlace

_OF_SIDE = {WRITTEN: ("written", "instead"), READ: ("read",)}
_TEMPLATE = {WRITTEN: TEMPLATE_WRITTEN, READ: TEMPLATE_READ}


def sides_named(task: TaskName, side: str, template: bool) -> Sides | None:
    """What counts of a language model, None of other tasks; `InputError` for what makes no sense."""
    if side not in SIDES:
        raise InputError(f"--side {side}: must be one of {', '.join(SIDES)}")
    if task != CAUSAL_LM:
        if template or side != DEFAULT_SIDE:
            raise InputError(f"--side, --template: for language models; this workspace is about {task}")
        return None
    from backend.audit.row_words import Sides

    return Sides(side, template)  # type: ignore[arg-type]


def print_words(workspace: Workspace, sides: Sides, most: int, device: str, json: bool) -> None:
    """The words of these sides, most harmful first, each with the row where it carries most of that."""
    wanted = [
        name
        for side in SIDES[sides.side]
        for name in (*_OF_SIDE[side], *([_TEMPLATE[side]] if sides.template else []))
    ]
    rows = [each for each in workspace.audit.words().to_pylist() if each["side"] in wanted][:most]
    shown = [(each, *_example(workspace, each, device)) for each in rows]
    if json:
        console.print_json(
            [
                {**each, "example": None if row is None else {"id": row, **(asdict(place) if place else {})}}
                for each, row, place in shown
            ]
        )
        return
    lines = [
        (
            each["text"],
            each["side"],
            each["word"],
            *(f"{each[name]:+.3g}" for name in ("harmful", "helpful", "net")),
            f"{each['n_rows']:,}",
            "" if row is None else row,
            _excerpt(place),
        )
        for each, row, place in shown
    ]
    headers = (
        "token",
        "side",
        "mostly in",
        "harmful",
        "helpful",
        "net",
        "rows",
        "such as",
        "where it stands",
    )
    title = f"tokens that raised the loss of {errors_named(workspace.manifest.task)}"
    console.print_table(headers, lines, title=title)
    console.note("instead: training rows write it where those eval rows write another word")


def _example(workspace: Workspace, word: dict[str, Any], device: str) -> tuple[str | None, WordPlace | None]:
    """The row in which a word carries most of what it does on balance, and where it stands there."""
    rows = word["top_rows"] if word["net"] < 0 else word["best_rows"]
    if not rows:
        return None, None
    return rows[0], workspace.audit.word_place(rows[0], word["token_id"], word["side"], device=device)


def _excerpt(place: WordPlace | None) -> str:
    if place is None:
        return ""
    start, end = place.start, place.end
    return f"{place.role}: {place.text[:start]}[{place.text[start:end]}]{place.text[end:]}"
