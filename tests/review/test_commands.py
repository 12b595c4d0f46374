"""The command line of decisions: one line for wrong numbers, no control characters on the terminal."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from backend.cli import app
from backend.data.columns import Columns
from backend.data.targets.class_space import ClassSpace
from backend.errors import InputError
from backend.review.decide import decide
from backend.workspace import Workspace
from tests.data.helpers import bring_in, jsonl

EVIL = "\x1b[2Jevil"


@pytest.fixture
def workspace(tmp_path):
    rows = [{"id": f"{EVIL}{i}", "text": f"t{i}", "label": "ab"[i % 2]} for i in range(4)]
    source = jsonl(tmp_path / "t.jsonl", rows)
    eval = jsonl(tmp_path / "e.jsonl", rows[:1])
    folder, _ = bring_in(tmp_path / "ws", source, eval, columns=Columns("text", "label", id="id"))
    return Workspace(folder)


def test_ids_are_shown_plain(workspace):
    workspace.review.flag(f"{EVIL}1")
    for command in ("undo", "redo"):
        done = CliRunner().invoke(app, [command, str(workspace.path)])
        assert done.exit_code == 0 and "\x1b" not in done.output and "\\x1b[2Jevil1" in done.output


@pytest.mark.parametrize(
    "options",
    [
        ["undo", "--batch", str(2**63)],
        ["redo", "--batch", str(2**63)],
        ["undo", "--batch", "0"],
        ["log", "--limit", str(2**63)],
        ["log", "--limit", "-1"],
    ],
)
def test_numbers_out_of_range(workspace, options):
    workspace.review.flag(f"{EVIL}1")
    done = CliRunner().invoke(app, [options[0], str(workspace.path), *options[1:]])
    assert done.exit_code == 2 and not isinstance(done.exception, OverflowError)
    assert len(workspace.review.log()) == 1


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_versions_from_freeze_to_restore(workspace):
    ws, row = workspace.path, f"{EVIL}1"
    run("relabel", ws, row, "a", "--reason", "wrong")
    assert "v1: removed 0, relabelled 1" in run("freeze", ws, "--message", "first").stdout
    run("remove", ws, row, f"{EVIL}2", "--reason", "odd")
    assert json.loads(run("freeze", ws, "--message", "second", "--json").stdout)["counts"]["remove"] == 2
    listed = json.loads(run("versions", ws, "--json").stdout)
    assert [(each["name"], each["message"]) for each in listed] == [("v2", "second"), ("v1", "first")]
    assert "first" in run("versions", ws).stdout
    shown = run("diff", ws, "raw", "v2").stdout
    assert "raw to v2: 2 rows decided otherwise" in shown and "\x1b" not in shown and "relabelled" in shown
    found = json.loads(run("diff", ws, "v1", "--json").stdout)
    assert (found["from"], found["to"], found["counts"]["removed"]) == ("v1", "now", 2)
    assert "the decisions are the same" in run("diff", ws).stdout
    assert "and 1 more" in run("diff", ws, "raw", "--limit", 1).stdout
    assert "restored v1" in run("restore", ws, "v1").stdout
    assert workspace.review.states()[row].action == "relabel" and len(workspace.review.states()) == 1
    assert "(restore v1)" in run("log", ws).stdout
    run("undo", ws)
    assert workspace.review.ledger.counts()["remove"] == 2


def test_a_patch_goes_from_one_workspace_to_another(workspace, tmp_path):
    other = Workspace.open(shutil.copytree(workspace.path, tmp_path / "other"))
    run("remove", workspace.path, f"{EVIL}1", "--reason", "=odd")
    patch = tmp_path / "p.csv"
    run("export", workspace.path, "--format", "csv", "--out", patch, "--what", "patch")
    dry = run("import-patch", other.path, patch, "--dry-run")
    assert "dry run" in dry.stdout and "\x1b" not in dry.stdout and other.states() == {}
    assert json.loads(run("import-patch", other.path, patch, "--json").stdout)["counts"]["applies"] == 1
    assert other.states()[f"{EVIL}1"].reason == "=odd"
    again = run("import-patch", other.path, patch)
    assert isinstance(again.exception, InputError) and "1 so already" in str(again.exception)


def test_relabel_back_and_after_a_flag(workspace):
    row = f"{EVIL}1"
    with pytest.raises(InputError, match=r"is labelled 'b' already"):
        workspace.review.relabel(row, "b")
    workspace.review.relabel(row, "a")
    workspace.review.flag(row)
    with pytest.raises(InputError, match=r"relabel '\\x1b\[2Jevil1': is labelled 'a' already"):
        workspace.review.relabel(row, "a")
    workspace.review.relabel(row, "b")
    newest = workspace.review.log()[0]
    assert (newest.old_label, newest.new_label) == ("a", "b")
    assert workspace.review.states()[row].label == "b"


def test_many_classes_are_not_all_listed(workspace):
    space = ClassSpace(tuple(f"class {i}\x1b" for i in range(1000)))
    with pytest.raises(InputError, match="unknown class") as caught:
        decide(
            workspace.review.ledger, workspace.train_split, space, "relabel", [f"{EVIL}1"],
            label="x", reason="", author="Ann", origin="cli",
        )  # fmt: skip
    assert len(str(caught.value)) < 600 and "\x1b" not in str(caught.value)


def test_of_a_large_decision_some_rows_are_named_and_the_others_counted(tmp_path):
    rows = [{"id": f"r{i}", "text": f"t{i}", "label": "ab"[i % 2]} for i in range(30)]
    source, eval = jsonl(tmp_path / "t.jsonl", rows), jsonl(tmp_path / "e.jsonl", rows[:1])
    folder, _ = bring_in(tmp_path / "ws", source, eval, columns=Columns("text", "label", id="id"))
    removed = run("remove", folder.path, *(each["id"] for each in rows))
    assert "r19 and 10 more" in removed.stdout and "r20" not in removed.stdout
    for command in ("undo", "redo"):
        lines = run(command, folder.path).stdout.splitlines()
        assert len(lines) == 21 and lines[-1].endswith("ne: 10 more")
