"""Every example runs in a process of its own, in an empty folder, with nothing but the public API."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SAYS = {
    "attach_a_trainer_run": r"the model says good, because of:\n  \+0\.\d+ 'a witty",
    "export_and_retrain": r"exported cleaned\.jsonl: \d+ rows(.|\n)*cleaned",
    "own_method": r"rare-words: .*\n?(.|\n)*we: ",
    "own_score": r"^1\. 'A DULL FILM, NUMBER 4' \(bad\): is written in capitals",
    "own_task": r"Mean deviance: \d(.|\n)*'a gorgeous \w+' \(9 votes\)",
    "trl_lora_run": r"where was Ada born \? Lisbon(.|\n)*\+0\.\d+ .*Lisbon",
}
"""What an example prints when it has shown what it is for."""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_shows_what_it_is_for(path: Path, tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=540,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(SAYS[path.stem], done.stdout, re.MULTILINE), done.stdout
    assert list(tmp_path.iterdir()) == []  # what it made is gone


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_imports_nothing_of_ours_but_the_public_api(path: Path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(from|import) (backend|pages)\b", text, re.MULTILINE)
    assert text.startswith('"""') and f"examples/{path.name}" in text.split('"""')[1]


def test_the_notebook_runs_and_shows_what_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """Its code cells, in order, in one namespace; what it prints stands in it, but for the numbers."""
    monkeypatch.chdir(tmp_path)
    cells = json.loads((ROOT / "examples/tour.ipynb").read_text(encoding="utf-8"))["cells"]
    namespace: dict = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            capsys.readouterr()
            exec("".join(cell["source"]), namespace)
            kept = [line for out in cell["outputs"] if out["output_type"] == "stream" for line in out["text"]]
            assert without_numbers(capsys.readouterr().out) == without_numbers("".join(kept))
    assert "witty" in namespace["answer"].proponents[0].text and not namespace["home"].exists()


def without_numbers(text: str) -> list[str]:
    """The lines of a text, sorted: numbers, and so ranks, vary a little with the machine."""
    return sorted(re.sub(r"[-+.\de]*\d[-+.\de]*", "#", line) for line in text.splitlines())


def test_every_example_is_listed():
    listed = (ROOT / "examples/README.md").read_text(encoding="utf-8")
    assert set(SAYS) == {path.stem for path in EXAMPLES}
    assert [path.name for path in EXAMPLES if f"`{path.name}`" not in listed] == []
    assert "`tour.ipynb`" in listed
