"""The app: app."""

from __future__ import annotations

import os
import socket
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from backend import console
from backend.errors import InputError
from backend.folder import Folder
from backend.program import APP, environment


def app(
    ws: Annotated[
        Path | None, typer.Argument(metavar="[WS]", help="The workspace that is open at first.")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="The port of the page.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Who may reach it: 127.0.0.1 is this machine, 0.0.0.0 everybody.")
    ] = "127.0.0.1",
) -> None:
    """Serve the pages, until Ctrl-C."""
    if ws is not None:
        os.environ["FIRSTWORD_WORKSPACE"] = str(Folder.open(ws).path.absolute())
    _require_free(address, port)
    options = ["--server.address", address, "--server.port", str(port)]
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(APP), *options]
    sys.stdout.flush()
    os.execve(sys.executable, command, environment())  # noqa: S606 (its signals and its end are this command's)


def _require_free(address: str, port: int) -> None:
    try:
        loopback = ip_address(address).is_loopback
    except ValueError:
        raise InputError(f"--address {address}: must be an IP address, such as 127.0.0.1") from None
    try:
        socket.create_server((address, port), family=_family(address)).close()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(f"{address}, port {port}: cannot be served ({why}); choose another --port") from None
    if not loopback:
        console.note("there is no login: whoever reaches this port can decide, start jobs and read files")


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
