"""Workspaces of earlier versions open, answer as they did, and are upgraded when they are first written.

``old_workspaces/schema-1.tar.xz`` was made by the commit fc58577: 30 rows, a tiny BERT of two checkpoints,
some decisions; ``expected.json`` is what that commit said of it. Pickles and locks were left out.
"""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from backend.errors import InputError
from backend.influence.rowstore.opening import open_rows
from backend.schema import SCHEMA_VERSION, upgraded
from backend.workspace import Workspace

OLD = Path(__file__).parent / "old_workspaces" / "schema-1.tar.xz"


@pytest.fixture
def old(tmp_path) -> Path:
    with tarfile.open(OLD) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path / "ws"


def version(path: Path) -> int:
    return json.loads((path / "workspace.json").read_text(encoding="utf-8"))["schema_version"]


def test_a_workspace_of_schema_1_answers_as_it_did(old):
    expected = json.loads((old.parent / "expected.json").read_text(encoding="utf-8"))
    workspace = Workspace.open(old)
    assert workspace.manifest.task.name == "classification"
    assert workspace.manifest.classes == ("bad", "good")
    assert workspace.status()["next"] is None and workspace.verify() == []
    assert workspace.manifest.artifacts["rows"].details["format"] == 4
    stored = open_rows(workspace.folder).stores[-1]
    likely = workspace.task.outputs(stored.logits())
    assert np.allclose(likely, workspace.predictions("train").probabilities, atol=1e-5)
    answer = workspace.explain(row=workspace.eval_split.ids[0], score="dot", exact=True, device="cpu")
    assert [each.id for each in answer.proponents] == [name for name, _ in expected["proponents"]]
    scores = [score for _, score in expected["proponents"]]
    assert np.allclose([each.score for each in answer.proponents], scores, rtol=1e-4)
    assert version(old) == 1, "reading changes nothing"


def test_the_first_write_upgrades_it_and_keeps_every_decision(old):
    expected = json.loads((old.parent / "expected.json").read_text(encoding="utf-8"))["states"]
    workspace = Workspace.open(old)
    workspace.folder.record("words", ("index",), id="0" * 16)
    assert version(old) == SCHEMA_VERSION
    again = Workspace.open(old)
    found = {row: [each.action, each.label, each.reason] for row, each in again.states().items()}
    assert found == expected
    assert again.status()["next"] is None and [each.name for each in again.versions()] == ["v1"]
    again.undo()
    assert len(again.states()) == len(expected) - 1


def test_what_is_no_older_version_is_left_as_it_is():
    for content in ({}, {"schema_version": "1"}, {"schema_version": True}, {"schema_version": 99}):
        assert upgraded(content) == content


def test_a_newer_version_is_refused_in_one_line(old):
    path = old / "workspace.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**raw, "schema_version": SCHEMA_VERSION + 1}), encoding="utf-8")
    with pytest.raises(InputError, match=r"schema version 3, this Firstword reads up to 2") as caught:
        Workspace.open(old)
    assert "\n" not in str(caught.value)
