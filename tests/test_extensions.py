"""Files of users add tasks, methods, scores and strategies, without our code being touched."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import without_model

ROOT = Path(__file__).parent.parent
SCORE = ROOT / "examples/own_score.py"
HEAVY = "torch transformers datasets faiss sklearn scipy numba cleanlab"
STRATEGY = """
from firstword.extend import Strategy, register_strategy
same = Strategy("same", "Same", "nothing", "here", lambda context: None, lambda options, guide: {})
register_strategy(same)
"""


def run(folder: Path, code: str, *files: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "FIRSTWORD_EXTENSIONS": ",".join(map(str, files))},
        capture_output=True,
        text=True,
        timeout=300,
    )


def command(folder: Path, arguments: list[str], *files: Path) -> subprocess.CompletedProcess:
    code = f"import sys\nfrom backend.cli import main\nsys.argv = ['firstword', *{arguments!r}]\nmain()"
    return run(folder, code, *files)


def test_all_four_kinds_are_found_and_nothing_heavy_is_loaded(tmp_path):
    strategy = tmp_path / "own_strategy.py"
    strategy.write_text(STRATEGY, encoding="utf-8")
    files = [ROOT / f"examples/own_{each}.py" for each in ("task", "method", "score")]
    code = f"""
import sys
from backend.scores.registry import all_scores, scores_for
from backend.tasks.registry import all_tasks
from backend.data.targets.registry import all_kinds
from backend.influence.answers.catalogue import known_scores
from backend.trials.strategies import registry
print("shouting" in all_scores(), "shouting" in scores_for("regression"), "counts" in all_tasks())
print("counts" in all_kinds(), known_scores()["rare-words"], list(registry._added))
print(sorted({{name.partition(".")[0] for name in sys.modules}} & set({HEAVY!r}.split())))
"""
    done = run(tmp_path, code, *files, strategy)
    assert done.stdout.split("\n")[:3] == [
        "True True True",
        "True ('label', 'plain') ['same']",
        "[]",
    ], done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x = 1\nraise ValueError('no')", "bad.py, line 2: ValueError: no"),
        ("x = (", "bad.py, line 1: SyntaxError"),
        ("import nowhere_at_all", "bad.py, line 1: ModuleNotFoundError"),
        (STRATEGY.replace('"same", "S', '"prune", "S'), "strategy 'prune': is built in"),
        (STRATEGY.replace('"same", "S', '"../x", "S'), "a name is lower-case letters"),
        (None, "bad.py: no such file"),
    ],
)
def test_a_fault_of_an_extension_is_one_line(content, words, tmp_path):
    path = tmp_path / "bad.py"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    code = "from backend.errors import InputError\nfrom backend.scores.registry import all_scores\n"
    code += "for _ in range(2):\n    try: all_scores()\n    except InputError as error: print(error)"
    said = run(tmp_path, code, path).stdout.strip().splitlines()
    assert len(said) == 2 and said[0] == said[1] and words in said[0]


def test_a_workspace_says_which_extension_it_lacks(tmp_path):
    without_model(tmp_path, 20)
    made = command(tmp_path, ["scores", "attached", "--only", "shouting"], SCORE)
    assert made.returncode == 0, made.stderr
    shown = command(tmp_path, ["status", "attached"]).stdout
    assert "scores of shouting: not shown" in shown and f"FIRSTWORD_EXTENSIONS={SCORE}" in shown
    refused = command(tmp_path, ["scores", "attached", "--only", "shouting"])
    assert refused.returncode == 2 and str(SCORE) in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1

    task = ROOT / "examples/own_task.py"
    (tmp_path / "votes.jsonl").write_text(
        "".join(f'{{"text": "text {n}", "votes": {n}}}\n' for n in range(12)), encoding="utf-8"
    )
    init = ["init", "votes", "--train", "votes.jsonl", "--eval", "0.25", "--text", "text", "--label", "votes"]
    made = command(tmp_path, [*init, "--task", "counts"], task)
    assert made.returncode == 0, made.stderr
    refused = command(tmp_path, ["status", "votes"])
    assert refused.returncode == 2 and f"FIRSTWORD_EXTENSIONS={task}" in refused.stderr
    assert "task: counts" in command(tmp_path, ["status", "votes"], task).stdout
