"""The state of a workspace: status, verify."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from backend import console
from backend.commands.figures import hardly_learnt_lines, print_figures
from backend.commands.options import Json, WorkspacePath
from backend.program import COMMAND
from backend.review.words import action_word
from backend.workspace import Workspace


def status(
    ws: WorkspacePath,
    classes: Annotated[
        bool, typer.Option("--classes", help="Also figures of every class, and what is confused with what.")
    ] = False,
    json: Json = False,
) -> None:
    """What is there, what is stale, how good the model is, and the next step."""
    print_status(Workspace.open(ws), json, classes)


def verify(
    ws: WorkspacePath,
    repair: Annotated[
        bool, typer.Option("--repair", help="Delete what is damaged and can be made again.")
    ] = False,
    json: Json = False,
) -> None:
    """Read everything that was written; names what is damaged or missing."""
    with console.progress_bar() as progress:
        damaged = Workspace.open(ws).verify(repair=repair, progress=progress)
    if json:
        console.print_json({"damaged": damaged})
    elif not damaged:
        print("everything is whole")
    for line in damaged if not json else ():
        print(line)
    if damaged and not json:
        deleted = "what can be made again was deleted; " if repair else ""
        console.note(
            f"{deleted}`precompute {ws}` makes rows, predictions and index again, `scores`, `influence`, "
            "`words`, `sources` and `dynamics` their own"
        )
    if damaged:
        raise typer.Exit(1)


def print_status(workspace: Workspace, json: bool, classes: bool = False) -> None:
    """Print the status of a workspace; whether its model has hardly learnt comes first."""
    status = workspace.status()
    if json:
        console.print_json(status)
        return
    for line in hardly_learnt_lines((status["figures"] or {}).get("hardly_learnt")):
        print(line)
    data = status["data"]
    print(f"{status['path']}: {data['n_train']:,} training and {data['n_eval']:,} eval rows")
    if status["task"] != "classification":
        print(f"task: {status['task']}")
    if status["classes"]:
        print(f"classes: {', '.join(console.brief(name) for name in status['classes'])}")
    console.print_table(
        ("artifact", "state", "facts"),
        [(name, each["state"], _facts(each)) for name, each in status["artifacts"].items()],
    )
    if status["figures"]:
        print_figures(status["figures"], classes)
    elif classes:
        console.note(f"no predictions yet: `{COMMAND} precompute {status['path']}` makes them")
    for state in ("current", "stale"):
        names = [name for name, found in status["scores"].items() if found == state]
        if names:
            print(f"{state} scores: {', '.join(names)}")
    for line in status["scores_not_loaded"]:
        print(console.plain(line))
    if status["check"]:
        print(console.plain(f"the attached run: {status['check']['said']}"))
    if others := [
        f"{how} (step {step})" for step, how in status["etas"].items() if how not in ("logged", "callback")
    ]:
        print(f"learning rates of the checkpoints that are not as logged: {', '.join(others)}")
    for line in status["limits"]:
        print(console.plain(line))
    if status["decisions"]:
        space = workspace.space
        decided = [f"{n} {action_word(space, action)}" for action, n in status["decisions"].items()]
        print("decisions: " + ", ".join(decided))
    if status["next"]:
        print(f"next: {status['next']}")


def _facts(artifact: dict[str, Any]) -> str:
    shown = {
        name: value
        for name, value in artifact.items()
        if name not in ("state", "id", "created", "files", "frozen_embeddings")
        and not isinstance(value, dict)
    }
    shown |= {
        f"recall of {end}": f"{value:.3f}"
        for end, value in artifact.get("recall", {}).items()
        if end[0] in "po"
    }
    return ", ".join(
        f"{name} {value:,}"
        if isinstance(value, int)
        else f"{name} {value:.4g}"
        if isinstance(value, float)
        else f"{name} {value}"
        for name, value in shown.items()
    )
