"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

WorkspacePath = Annotated[Path, typer.Argument(metavar="WS", help="The workspace's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the log.")]
Author = Annotated[str | None, typer.Option(help="Who decides; default: the system user.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of training rows.")]
Device = Annotated[str, typer.Option(help="cpu, cuda or auto.")]
