"""`all`: what is missing of a workspace, with how long it takes."""

from __future__ import annotations

from typing import Annotated

import typer

from backend import console
from backend.commands.options import Device, Json, Threads, WorkspacePath, idle
from backend.everything import Step, compute_everything, plan
from backend.progress import remaining
from backend.workspace import Workspace


def everything(
    ws: WorkspacePath,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what is missing and how long.")
    ] = False,
    device: Device = "auto",
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Compute all that is missing of a workspace that has a model; a stopped call goes on where it was."""
    if not dry_run:
        idle(ws)
    workspace = Workspace.open(ws)
    steps = plan(workspace)
    if not dry_run:
        if not json:
            _say_forecast(steps)
        with console.progress_bar() as progress:
            steps = compute_everything(workspace, device=device, progress=progress)
    if json:
        console.print_json({"path": str(workspace.path), "steps": [each.to_json() for each in steps]})
        return
    rows = [
        (each.name, each.state, _forecast(each), _span(each.seconds), each.why or each.gives)
        for each in steps
    ]
    console.print_table(("step", "state", "forecast", "took", "what it gives, or why not"), rows)


def _say_forecast(steps: list[Step]) -> None:
    """What will be done and how long it should take, before it begins."""
    due = [each for each in steps if each.is_due]
    if not due:
        console.note("nothing is missing")
        return
    for each in due:
        console.note(f"{each.name}: {_forecast(each)}")
    console.note(f"together: about {remaining(sum(each.forecast or 0.0 for each in due))}")


def _forecast(step: Step) -> str:
    return "" if step.forecast is None else f"about {remaining(step.forecast)}, {step.basis}"


def _span(seconds: float | None) -> str:
    return "" if seconds is None else remaining(seconds)
