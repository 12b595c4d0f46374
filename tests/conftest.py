"""Shared fixtures: a small real workspace, precomputed once, copied for each test that changes it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models: threads cost more than they bring

import pytest

from backend import cli
from backend.data.columns import Columns
from backend.model.training_settings import TrainingSettings
from backend.workspace import Workspace
from tests.factories import SENTENCES, tiny
from tests.tiny_tasks import build_multilabel, build_regression

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
OPINIONS = ("gorgeous", "dull", "witty", "boring", "wonderful", "bad", "honest", "worse")


def tiny_rows(count: int, start: int = 0) -> list[dict]:
    """Rows with an id, a text of the factory's vocabulary, a label name and a further column."""
    rows = []
    for number in range(start, start + count):
        sentence = SENTENCES[number % len(SENTENCES)]
        word = OPINIONS[(number * 5) % len(OPINIONS)]
        good = word in ("gorgeous", "witty", "wonderful", "honest")
        text = f"{sentence}, {word} film number {number % 7}"
        rows.append(
            {"id": f"r{number}", "text": text, "label": "good" if good else "bad", "stars": number % 5}
        )
    return rows


def write_rows(path: Path, rows: list[dict]) -> Path:
    """Write JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


SETTINGS = TrainingSettings(epochs=3, lr=2e-3, batch_size=8, checkpoints=3, precision="fp32")


def build_tiny(
    folder: Path,
    n_train: int = 60,
    n_eval: int = 20,
    architecture: str = "bert",
    settings: TrainingSettings = SETTINGS,
    **options,
) -> Workspace:
    """A precomputed workspace with a tiny model, trained for a few steps."""
    folder.mkdir(parents=True, exist_ok=True)
    train = write_rows(folder / "train.jsonl", tiny_rows(n_train))
    evaluation = write_rows(
        folder / "eval.jsonl", [{**row, "id": f"e{row['id']}"} for row in tiny_rows(n_eval, 1000)]
    )
    model = tiny(architecture, folder / "model", [row["text"] for row in tiny_rows(n_train)])
    workspace, _ = Workspace.create(
        folder / "ws",
        train=str(train),
        eval=str(evaluation),
        columns=Columns(text="text", label="label", id="id", **options),
        model=str(model),
    )
    workspace.train(settings)
    workspace.precompute()
    return workspace


def without_model(folder: Path, n_train: int) -> Workspace:
    """A workspace at ``folder/attached`` that waits for a run to be attached."""
    source = write_rows(folder / "train.jsonl", tiny_rows(n_train))
    workspace, _ = Workspace.create(
        folder / "attached",
        train=str(source),
        eval="0.2",
        columns=Columns(text="text", label="label", id="id"),
        model="unused",
    )
    return workspace


@pytest.fixture(scope="session")
def tiny_template(tmp_path_factory) -> Path:
    """The folder of a precomputed workspace; read it, never change it."""
    return build_tiny(tmp_path_factory.mktemp("tiny")).path


@pytest.fixture
def tiny_workspace(tiny_template: Path, tmp_path: Path) -> Workspace:
    """A copy of the precomputed workspace for one test to change."""
    return Workspace.open(shutil.copytree(tiny_template, tmp_path / "ws"))


@pytest.fixture(scope="session")
def multilabel_template(tmp_path_factory) -> Path:
    """The folder of a precomputed workspace of label sets; read it, never change it."""
    return build_multilabel(tmp_path_factory.mktemp("multilabel")).path


@pytest.fixture
def multilabel_workspace(multilabel_template: Path, tmp_path: Path) -> Workspace:
    """A copy of it for one test to change."""
    return Workspace.open(shutil.copytree(multilabel_template, tmp_path / "multilabel"))


@pytest.fixture(scope="session")
def regression_template(tmp_path_factory) -> Path:
    """The folder of a precomputed workspace of numbers; read it, never change it."""
    return build_regression(tmp_path_factory.mktemp("regression")).path


@pytest.fixture
def regression_workspace(regression_template: Path, tmp_path: Path) -> Workspace:
    """A copy of it for one test to change."""
    return Workspace.open(shutil.copytree(regression_template, tmp_path / "regression"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real data sets; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"real data sets are not here ({SHARED})")
    return SHARED


@pytest.fixture
def inside(monkeypatch, capfd):
    """The command line in this process: a start costs seconds, and most tests ask for what is said only."""

    def run(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["backend", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, errors = capfd.readouterr()
        assert not check or ended.value.code == 0, errors
        return subprocess.CompletedProcess([], int(ended.value.code or 0), out, errors)

    return run
