"""What a machine lacks is said with what to do about it; what nothing works without ends with 1."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backend import doctor
from backend.cli import app


def examined(*options: object):
    return CliRunner().invoke(app, ["doctor", *map(str, options)])


def test_this_machine_has_all_that_is_pinned(tmp_path: Path):
    done = examined("--home", tmp_path / "not" / "there", "--json")
    assert done.exit_code == 0
    found = {each["what"]: each for each in json.loads(done.stdout)}
    count = len(doctor.wanted())
    assert count > 20 and found["libraries"]["found"] == f"{count} of {count} as pinned"
    assert found["model minilm"]["found"] == "ready" and not any(each["missing"] for each in found.values())
    assert str(tmp_path) in found["free disk"]["found"]


def test_what_is_missing_or_another_version_is_named(monkeypatch: pytest.MonkeyPatch):
    own = doctor._installed
    odd = {"pandas": None, "plotly": "1.0", "faiss-cpu": None, "faiss-gpu": "1.15.1", "trl": None}
    monkeypatch.setattr(doctor, "_installed", lambda name: odd[name] if name in odd else own(name))
    done = examined()
    assert done.exit_code == 1
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "not installed" in lines["pandas"] and "requirements.txt" in lines["pandas"]
    assert "1.0" in lines["plotly"] and "tested with" in lines["plotly"]
    assert "requirements-dev.txt" in lines["trl"] and "faiss-cpu" not in lines


def test_little_room_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(doctor, "_ROOM", 1e9)
    monkeypatch.setattr(doctor, "_MEMORY", 1e9)
    found = {each.what: each for each in doctor.examine(tmp_path)}
    assert "free some" in found["free disk"].advice and "close something" in found["free memory"].advice
    assert not found["free disk"].is_missing
