"""The app on a small workspace."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from backend.model.training_settings import TrainingSettings
from backend.workspace import Workspace
from tests.conftest import tiny_rows
from tests.pages.driver import new_app
from tests.scores.helpers import workspace_of

OTHER = {"good": "bad", "bad": "good"}


@pytest.fixture
def app(tiny_workspace, monkeypatch, tmp_path) -> AppTest:
    """The app on a small real workspace; no other workspace is to be found."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(tiny_workspace.path))
    return new_app()


@pytest.fixture
def process():
    """Another process that runs."""
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield started
    started.kill()
    started.wait()


@pytest.fixture(scope="session")
def erring_template(tmp_path_factory) -> Path:
    """A precomputed workspace with words; every third eval label is wrong, so that the model errs there."""
    train = [(row["text"], row["label"]) for row in tiny_rows(60)]
    evaluation = [(row["text"], row["label"]) for row in tiny_rows(20, 1000)]
    evaluation[::3] = [(text, OTHER[label]) for text, label in evaluation[::3]]
    made = workspace_of(tmp_path_factory.mktemp("erring"), train, evaluation)
    made.train(TrainingSettings(epochs=3, lr=2e-3, batch_size=8, checkpoints=3, precision="fp32"))
    made.precompute()
    made.compute_words()
    return made.path


@pytest.fixture
def erring_workspace(erring_template, tmp_path) -> Workspace:
    """A copy of it for one test to change."""
    return Workspace.open(shutil.copytree(erring_template, tmp_path / "erring"))
