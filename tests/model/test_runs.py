"""A training that is killed, at any step of recording it: one of two trainings is in force, as a whole."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.model import runs
from backend.model.checkpoints import find_run
from backend.model.dynamics import Dynamics, dynamics_key, read_runs, record_runs
from backend.model.training import TrainingResult
from backend.workspace import Workspace
from tests.conftest import SETTINGS
from tests.killed import every_end

FIRST_STEPS = 0.25  # the losses of the second training, which no other has


@pytest.fixture
def quick_fit(tiny_template, monkeypatch):
    """In the place of a training: the template's checkpoints again, with a log that can be told from its."""
    checkpoints = Workspace.open(tiny_template).folder.checkpoints

    def fit(folder, run: Path, evaluation, settings, progress, trial=None) -> TrainingResult:
        shutil.copytree(checkpoints, run)
        logged = Dynamics({"loss": np.full((4, 60), FIRST_STEPS, dtype=np.float32)}, (0.25, 0.5, 0.75, 1.0))
        found = find_run(run, settings.checkpoints).checkpoints
        return TrainingResult(
            run, 24, 1.0, [], None, None, 128, found, [], logged if settings.dynamics else None
        )

    monkeypatch.setattr(runs, "_fit", fit)


def own_key(workspace: Workspace) -> str:
    manifest = workspace.manifest
    return dynamics_key(manifest, workspace.folder.tokenizer_path(manifest), manifest.max_length)


@pytest.mark.parametrize("seed", [SETTINGS.seed, 7])
def test_a_training_that_is_killed_at_any_step_changes_nothing_or_all(
    seed, tiny_template, tmp_path, quick_fit
):
    path, before = tmp_path / "ws", Workspace.open(tiny_template).manifest
    (old,) = read_runs(Workspace.open(tiny_template).folder)
    ends = []

    def prepare() -> None:
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(tiny_template, path)

    def check(whole: bool) -> None:
        workspace = Workspace.open(path)
        switched = workspace.manifest != before
        ends.append(switched)
        assert switched or not whole
        assert len(workspace.runs()) == 1 + switched
        assert workspace.folder.state("dynamics") == "current" and workspace.verify() == []
        (run,) = read_runs(workspace.folder)
        loss = run.values["loss"]
        assert (loss == FIRST_STEPS).all() if switched else np.array_equal(loss, old.values["loss"])
        record_runs(
            workspace.folder, own_key(workspace)
        )  # as `dynamics --seeds` does: it takes nothing else in
        assert workspace.manifest.artifacts["dynamics"].details["seeds"] == [
            seed if switched else SETTINGS.seed
        ]
        with workspace.folder.lock():
            assert not list(path.rglob(".*.tmp"))

    work = lambda: runs.train_run(Workspace.open(path).folder, replace(SETTINGS, seed=seed), again=True)  # noqa: E731
    assert every_end(work, check, prepare) > 20
    assert ends == sorted(ends) and not ends[0], "one step switches"


def test_what_a_killed_training_left_is_gone_with_the_next(tiny_workspace, quick_fit):
    folder = tiny_workspace.folder
    stray = folder.dynamics_of(2) / "run-9.safetensors"
    stray.parent.mkdir(parents=True)
    shutil.copy(folder.dynamics / "run-0.safetensors", stray)
    runs.train_run(folder, SETTINGS, again=True)
    assert [each.name for each in folder.dynamics.iterdir()] == ["run-0.safetensors"]
    assert folder.dynamics == stray.parent


def test_a_workspace_that_recorded_its_second_training_in_the_first_ones_place_stays_current(
    tiny_workspace, quick_fit
):
    """As `train --again` did before logs had a place of their own."""
    folder = tiny_workspace.folder
    runs.train_run(folder, SETTINGS, again=True)
    shutil.copy(folder.dynamics / "run-0.safetensors", folder.dynamics_of(1))
    shutil.rmtree(folder.dynamics_of(2))
    artifact = folder.manifest().artifacts["dynamics"]
    del artifact.details["run"]
    folder.record("dynamics", ("data",), id=artifact.id, **artifact.details)
    (run,) = read_runs(folder)
    assert (run.values["loss"] == FIRST_STEPS).all() and tiny_workspace.verify() == []
    record_runs(folder, own_key(tiny_workspace))
    assert folder.dynamics == folder.dynamics_of(1) and len(read_runs(folder)) == 1
