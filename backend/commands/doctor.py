"""What this machine lacks: doctor."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from backend import console
from backend.commands.options import Json
from backend.home import HOME


def doctor(
    home: Annotated[Path, typer.Option(help="The folder where workspaces are to go.")] = HOME,
    json: Json = False,
) -> None:
    """What this machine has of what Firstword needs, and what to do about the rest."""
    from backend.doctor import examine

    found = examine(home)
    if json:
        console.print_json([{**asdict(each), "missing": each.is_missing} for each in found])
    else:
        rows = [(each.what, each.found, each.serves, each.advice) for each in found]
        console.print_table(("what", "found", "serves", "what to do"), rows)
    if any(each.is_missing for each in found):
        raise typer.Exit(1)
