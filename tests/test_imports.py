"""Simple commands load no heavy package: a list, a decision or a typing error is answered at once.

Counted are modules, not seconds: each command runs in a process of its own, which says what it has loaded.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backend.workspace import Workspace
from tests.conftest import tiny_rows, without_model, write_rows

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "transformers", "datasets", "faiss", "sklearn", "scipy", "numba", "cleanlab")
_CALL = """
import json, sys
from backend import cli
sys.argv = ["backend", *json.loads(sys.argv[1])]
try:
    cli.main()
except SystemExit as ended:
    code = ended.code
loaded = sorted({name.partition(".")[0] for name in sys.modules} & set(json.loads(sys.stdin.read())))
print("\\n" + json.dumps([code, loaded]), file=sys.stderr)
"""


def loaded(*arguments: object) -> tuple[int, list[str], str]:
    """Exit code of a command, the heavy packages that it loaded, what it said on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", _CALL, json.dumps([str(each) for each in arguments])],
        input=json.dumps(HEAVY),
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)},
        timeout=300,
    )
    said, _, last = done.stderr.rstrip().rpartition("\n")
    code, heavy = json.loads(last)
    return code, heavy, said


@pytest.fixture(scope="module")
def scored(tiny_template, tmp_path_factory) -> Workspace:
    """A workspace with scores; the commands here change nothing but its log."""
    workspace = Workspace.open(shutil.copytree(tiny_template, tmp_path_factory.mktemp("scored") / "ws"))
    workspace.scores.compute(["dynamics", "association"])
    return workspace


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    without_model(folder, 20)
    write_rows(folder / "more.jsonl", tiny_rows(20))
    return folder


ANSWERS = {
    "help": ["--help"],
    "queue": ["queue", "{ws}"],
    "queue of a class": ["queue", "{ws}", "--label", "good", "--json"],
    "log": ["log", "{ws}"],
    "status": ["status", "{ws}"],
    "runs": ["runs", "{ws}"],
    "status, no model": ["status", "{raw}/attached"],
    "scores --list": ["scores", "{ws}", "--list"],
    "peek": ["peek", "{raw}/more.jsonl"],
    "keep": ["keep", "{ws}", "r1"],
    "flag": ["flag", "{ws}", "r2", "--reason", "odd"],
    "remove": ["remove", "{ws}", "r3"],
    "relabel": ["relabel", "{ws}", "r4", "bad"],
    "undo": ["undo", "{ws}"],
    "redo": ["redo", "{ws}"],
    "diff": ["diff", "{ws}", "raw"],
    "versions": ["versions", "{ws}"],
    "freeze": ["freeze", "{ws}", "--message", "first"],
    "all --dry-run": ["all", "{ws}", "--dry-run"],
}

REFUSALS = {
    "explain, no such row": (["explain", "{ws}", "--row", "nobody"], "nobody"),
    "explain, no such class": (["explain", "{ws}", "--text", "x", "--label", "ugly"], "ugly"),
    "explain, no index": (["explain", "{raw}/attached", "--text", "x"], "precompute"),
    "explain, both": (["explain", "{ws}", "--text", "x", "--row", "r1"], "not both"),
    "explain, neither": (["explain", "{ws}"], "--row"),
    "explain, no such method": (["explain", "{ws}", "--text", "x", "--method", "magic"], "magic"),
    "explain, no such score": (["explain", "{ws}", "--text", "x", "--score", "magic"], "magic"),
    "explain, other method's score": (
        ["explain", "{ws}", "--text", "x", "--method", "bm25", "--score", "ekfac"],
        "ekfac",
    ),
    "explain, no such split": (["explain", "{ws}", "--row", "r1", "--split", "test"], "--split test"),
    "explain, empty text": (["explain", "{ws}", "--text", " "], "empty"),
    "train again": (["train", "{ws}"], "is trained already"),
    "train, no workspace": (["train", "{raw}/none"], "no workspace here"),
    "precompute, no model": (["precompute", "{raw}/attached"], "checkpoints missing"),
    "attach, no such run": (["attach", "{raw}/attached", "--run", "{raw}/none"], "no such folder"),
    "all, no model": (["all", "{raw}/attached"], "checkpoints missing"),
    "queue, no scores": (["queue", "{raw}/attached"], "no scores yet"),
    "queue, no such reason": (["queue", "{ws}", "--reason", "magic"], "magic"),
    "influence, no index": (["influence", "{raw}/attached"], "precompute"),
    "words, no index": (["words", "{raw}/attached"], "precompute"),
    "run-rows, neither": (["run-rows"], "name a workspace, or --run"),
    "run-rows, no model": (["run-rows", "{raw}/attached"], "checkpoints missing"),
    "forecast, no index": (["forecast", "{raw}/attached"], "precompute"),
    "keep, no such row": (["keep", "{ws}", "nobody"], "nobody"),
}
UNDER_LOCK = ("precompute", "influence", "words", "scores", "sources", "run-rows", "all")


def filled(arguments: list[str], scored: Workspace, raw: Path) -> list[str]:
    return [each.format(ws=scored.path, raw=raw) for each in arguments]


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_needs_no_heavy_package(name, scored, raw):
    code, heavy, said = loaded(*filled(ANSWERS[name], scored, raw))
    assert code in (0, None), said
    assert heavy == []


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_needs_no_heavy_package(name, scored, raw):
    arguments, words = REFUSALS[name]
    code, heavy, said = loaded(*filled(arguments, scored, raw))
    assert (code, len(said.splitlines())) == (2, 1) and words in said, said
    assert heavy == []


@pytest.mark.parametrize("command", UNDER_LOCK)
def test_a_workspace_that_is_worked_on_is_refused_at_once(command, scored):
    with scored.folder.lock():
        code, heavy, said = loaded(command, scored.path)
    assert code == 2 and "another process is working" in said
    assert heavy == []
