"""`firstword app`: what is wrong is said before a server starts; what starts is the server itself."""

import os
import socket
import sys

import pytest
from typer.testing import CliRunner

from backend.cli import app
from backend.errors import InputError
from backend.program import APP


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list:
    """The command lines and environments that this process would have become."""
    found: list = []
    monkeypatch.setattr(os, "execve", lambda *call: found.append(call))
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_it_becomes_the_server_of_this_page(started, tiny_template, monkeypatch):
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", "another")
    done = CliRunner().invoke(app, ["app", str(tiny_template), "--port", str(free_port())])
    assert done.exit_code == 0, done.output
    (program, command, environment) = started[0]
    assert program == sys.executable and str(APP) in command and "127.0.0.1" in command
    assert environment["FIRSTWORD_WORKSPACE"] == str(tiny_template.absolute())


def test_a_port_that_is_taken_is_refused(started):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = CliRunner().invoke(app, ["app", "--port", str(port)])
    assert isinstance(done.exception, InputError) and f"port {port}" in str(done.exception)
    assert started == []


@pytest.mark.parametrize("address", ["example.org", "", "300.1.1.1"])
def test_what_is_no_address_is_refused(started, address):
    done = CliRunner().invoke(app, ["app", "--address", address])
    assert isinstance(done.exception, InputError) and "IP address" in str(done.exception)
    assert started == []


def test_a_workspace_that_is_none_is_refused(started, tmp_path):
    done = CliRunner().invoke(app, ["app", str(tmp_path / "none")])
    assert isinstance(done.exception, InputError) and started == []


def test_who_opens_it_to_others_is_warned(started):
    done = CliRunner().invoke(app, ["app", "--address", "0.0.0.0", "--port", str(free_port())])
    assert "no login" in done.output and len(started) == 1
