"""The command line end to end, as a user runs it: a process, its output, its exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backend.version import VERSION
from backend.workspace import Workspace
from tests.conftest import tiny_rows, write_rows
from tests.factories import tiny

ROOT = Path(__file__).parent.parent


def backend(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "backend", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    write_rows(folder / "train.jsonl", tiny_rows(60))
    tiny("bert", folder / "model", [row["text"] for row in tiny_rows(60)])
    return folder


def init(source: Path, ws: Path, *more: object, train: str = "train.jsonl", check: bool = True):
    arguments = ["init", ws, "--train", source / train, "--text", "text", "--label", "label"]
    given = {str(each) for each in more}
    if "--model" not in given:
        arguments += ["--model", source / "model"]
    if "--eval" not in given:
        arguments += ["--eval", "0.2"]
    return backend(*arguments, *more, check=check)


def test_the_main_job(source, tmp_path):
    ws = tmp_path / "ws"
    assert "48" in init(source, ws, "--id", "id").stdout
    backend("train", ws, "--epochs", 2, "--lr", 0.002, "--batch-size", 8, "--checkpoints", 2)
    status = json.loads(backend("precompute", ws, "--json").stdout)
    assert {each["state"] for each in status["artifacts"].values()} == {"current"}
    assert status["next"] is None
    answer = json.loads(backend("explain", ws, "--text", "a dull and witty film", "-k", 3, "--json").stdout)
    row = answer["proponents"][0]["id"]
    shown = backend("explain", ws, "--row", row).stdout
    assert "self-influence" in shown or "own influence" in shown
    backend("flag", ws, row, "--reason", "odd")
    backend("remove", ws, row, "--reason", "wrong", "--author", "ada")
    other = answer["opponents"][0]["id"]
    label = "bad" if answer["opponents"][0]["label"] == "good" else "good"
    backend("relabel", ws, other, label)
    log = json.loads(backend("log", ws, "--json").stdout)
    assert [(each["action"], each["author"] == "ada") for each in log[:2]] == [
        ("relabel", False),
        ("remove", True),
    ]
    backend("undo", ws)
    out = tmp_path / "cleaned.jsonl"
    backend("export", ws, "--format", "jsonl", "--out", out)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    kept = {each["id"]: each for each in rows}
    assert row not in kept and len(rows) == 47
    assert kept[other]["label"] != label
    assert kept[other].keys() == {"id", "text", "label", "stars"}
    recall = json.loads(backend("evaluate", ws, "--protocol", "index", "--queries", 5, "--json").stdout)
    assert min(recall["proponents"], recall["opponents"]) >= 0.9  # 8 bits may swap neighbours
    assert "everything is whole" in backend("verify", ws).stdout


WRONG = {
    "no such workspace": (["explain", "{tmp}/none", "--text", "x"], "no workspace here"),
    "no such row": (["remove", "{ws}", "nobody"], "nobody"),
    "unknown class": (["relabel", "{ws}", "r1", "ugly"], "the classes are 'bad', 'good'"),
    "unknown label to explain": (["explain", "{ws}", "--text", "x", "--label", "ugly"], "unknown"),
    "text and row": (["explain", "{ws}", "--text", "x", "--row", "r1"], "not both"),
    "empty text": (["explain", "{ws}", "--text", " "], "--text: empty"),
    "nothing to undo": (["undo", "{ws}"], "undo"),
    "nothing to freeze": (["freeze", "{ws}", "--message", "x"], "no decision has been made"),
    "no such version": (["diff", "{ws}", "v7"], "'v7': no such version (nothing is frozen yet)"),
    "nothing to restore": (["restore", "{ws}", "raw"], "raw: nothing to restore"),
    "no such patch": (["import-patch", "{ws}", "{tmp}/no.csv"], "no such file"),
    "no patch": (["import-patch", "{ws}", "{src}/train.jsonl"], "no decisions"),
    "unknown format": (["export", "{ws}", "--format", "xls", "--out", "{tmp}/x"], "xls"),
    "missing option": (["init", "{tmp}/new"], "--train"),
    "not a number": (["explain", "{ws}", "--text", "x", "-k", "many"], "valid integer"),
    "unknown command": (["explode"], "explode"),
    "missing file": (
        ["init", "{tmp}/new", "--train", "{tmp}/no.csv", "--eval", "0.2", "--text", "t", "--label", "l"],
        "no.csv",
    ),
    "missing column": (
        [
            "init",
            "{tmp}/new",
            "--train",
            "{src}/train.jsonl",
            "--eval",
            "0.2",
            "--text",
            "body",
            "--label",
            "label",
        ],
        "body",
    ),
    "workspace exists": (
        [
            "init",
            "{ws}",
            "--train",
            "{src}/train.jsonl",
            "--eval",
            "0.2",
            "--text",
            "text",
            "--label",
            "label",
        ],
        "not empty",
    ),
    "no such device": (["precompute", "{ws}", "--device", "tpu"], "use auto, cpu or cuda"),
    "no such run": (["attach", "{ws}", "--run", "{tmp}/none"], "no such folder"),
    "a schedule without its rate": (
        ["attach", "{ws}", "--run", "{ws}/checkpoints", "--schedule", "linear"],
        "give the highest rate with it",
    ),
    "no such schedule": (
        ["attach", "{ws}", "--run", "{ws}/checkpoints", "--learning-rate", "1e-3", "--schedule", "linaer"],
        "must be one of linear",
    ),
    "two trainings": (["train", "{ws}"], "trained already; `--again`"),
    "path too long": (["status", "{tmp}/" + "a" * 300], "name too long"),
    "the demo in another's workspace": (["demo", "--out", "{ws}"], "workspace of other data"),
    "a file for a workspace": (
        ["init", "{src}/train.jsonl", "--train", "{src}/train.jsonl", "--text", "text", "--label", "label"],
        "is a file",
    ),
    "a file for a folder": (["demo", "--out", "{src}/train.jsonl"], "exists and is no workspace"),
    "export over the manifest": (
        ["export", "{ws}", "--format", "csv", "--out", "{ws}/workspace.json", "--overwrite"],
        "workspace",
    ),
    "text of a row": (["explain", "{ws}", "--row", "r1", "--text-b", "x"], "belongs to --text"),
    "empty model": (
        [
            "init",
            "{tmp}/new",
            "--train",
            "{src}/train.jsonl",
            "--text",
            "text",
            "--label",
            "label",
            "--model",
            "",
        ],
        "model ''",
    ),
    "strategy": (["retrain", "{ws}", "--strategy", "magic"], "must be one of decisions, mask"),
    "option of a strategy": (["retrain", "{ws}", "--strategy", "dga", "--set", "eta"], "must be NAME=VALUE"),
    "seeds": (["retrain", "{ws}", "--seeds", "0"], "--seeds 0"),
    "forecast of nothing": (["forecast", "{ws}"], "nothing to forecast"),
    "deleted rows": (["evaluate", "{ws}", "--protocol", "deletion", "-k", "few"], "whole numbers"),
    "damping": (["evaluate", "{ws}", "--protocol", "lds", "--method", "we:ekfac:much"], "must be a number"),
    "small model": (["small", "{ws}", "--out", "{tmp}/s", "--model", "magic"], "--model magic"),
    "protocol": (["evaluate", "{ws}", "--protocol", "magic"], "must be one of index, compare, mislabel"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_line_and_exit_code_2(name, tiny_workspace, source, tmp_path, inside):
    arguments, expected = WRONG[name]
    places = {"tmp": tmp_path, "ws": tiny_workspace.path, "src": source}
    before = sorted(tmp_path.iterdir())
    done = inside(*(each.format(**places) for each in arguments), check=False)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert expected in done.stderr
    assert sorted(tmp_path.iterdir()) == before
    assert Workspace.open(tiny_workspace.path).review.log() == []


def test_a_broken_line_names_file_and_line(source, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "a", "label": "x"}\n{"text": "b", "label"\n', encoding="utf-8")
    done = init(tmp_path, tmp_path / "ws", "--model", source / "model", train="bad.jsonl", check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "bad.jsonl" in done.stderr and "2" in done.stderr
    assert not (tmp_path / "ws").exists()


def test_decisions_do_not_wait_for_torch(tiny_workspace):
    code = (
        "import sys; from backend.workspace import Workspace\n"
        f"Workspace.open({str(tiny_workspace.path)!r}).flag('r1', reason='odd')\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_append_names_what_is_stale_and_status_the_scores(tiny_workspace, tmp_path, inside):
    inside("scores", tiny_workspace.path, "--only", "association")
    assert "current scores: association" in inside("status", tiny_workspace.path).stdout
    more = write_rows(tmp_path / "more.jsonl", tiny_rows(3, 500))
    appended = inside("append", tiny_workspace.path, "--train", more).stdout
    assert "stale, since they know the earlier rows only:" in appended and "scores association" in appended
    assert "stale scores: association" in inside("status", tiny_workspace.path).stdout


def test_help_everywhere():
    listed = backend("--help").stdout
    commands = (
        "demo init train attach precompute explain keep flag remove relabel undo redo log export retrain"
    )
    for command in [*commands.split(), "evaluate", "status", "verify"]:
        assert command in listed
    assert "--exact" in backend("explain", "--help").stdout


def test_closing_the_loop(tiny_workspace, inside):
    """Decide, forecast, retrain, in the words of the guide."""
    ws, row = tiny_workspace.path, tiny_workspace.eval_split.ids[0]
    nothing = inside("retrain", ws, check=False)
    assert nothing.returncode == 2 and "no training row is removed or relabelled" in nothing.stderr
    inside("remove", ws, *tiny_workspace.train_split.ids[:5])
    shown = inside("forecast", ws, "--row", row, "--text", "a witty film", "--label", "good").stdout
    assert "5 rows removed" in shown and "p(good) of: a witty film" in shown
    options = ("--seeds", 2, "--row", row, "--arm", "cleaned", "--arm", "random decisions", "--device", "cpu")
    content = json.loads(inside("retrain", ws, *options, "--json").stdout)
    assert [each["name"] for each in content["arms"]] == ["untouched", "cleaned", "random decisions"]
    again = inside("retrain", ws, *options)
    assert "## decisions" in again.stdout and "cleaned: accuracy" in again.stdout
    assert "trainings: 6 of 6" in again.stderr
    listed = inside("retrain", ws, "--strategy", "list").stdout
    assert all(name in listed for name in ("mask", "dga", "select", "prune", "reweight", "--set eta=1.0"))


def test_whether_influence_is_true(tiny_workspace, tmp_path, inside):
    """A small model of the same rows, and the protocols that retrain it."""
    small = tmp_path / "small"
    inside("small", tiny_workspace.path, "--out", small, "--rows", 40, "--epochs", 1)
    for protocol in ("lds", "deletion", "brittleness", "identical-class", "randomisation"):
        options = ("--queries", 2, "--subsets", 3, "--method", "we:dot", "-k", "2,4", "--workers", 1)
        shown = inside("evaluate", small, "--protocol", protocol, *options).stdout
        assert "we dot" in shown, protocol
    curves = json.loads(
        inside("evaluate", small, "--protocol", "deletion", *options, "--json").stdout  # kept trainings
    )["curves"]
    assert {each["variant"] for each in curves} == {"we dot", "random rows"}


def test_the_version_is_said():
    assert backend("--version").stdout == f"Firstword {VERSION}\n"
