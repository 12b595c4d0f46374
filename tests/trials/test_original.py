"""The settings that a retraining takes over from the workspace's run."""

import json

import pytest

from backend.model.trainer_log import STATE_FILE, TrainerLog
from backend.model.training_settings import TrainingSettings
from backend.trials.original import _rates, original_run, run_settings
from backend.workspace import Workspace
from tests.conftest import without_model


@pytest.fixture
def attached(tmp_path, tiny_template) -> Workspace:
    """A workspace with a copy of the tiny run: 3 epochs of 60 rows in batches of 8, rate 2e-3."""
    workspace = without_model(tmp_path, 75)  # of which 15 are eval rows
    workspace.attach(Workspace.open(tiny_template).folder.checkpoints, classes=["bad", "good"])
    return workspace


def test_a_run_of_our_own_is_taken_as_recorded(tiny_template):
    settings, notes = run_settings(Workspace.open(tiny_template).folder)
    assert (settings.epochs, settings.lr, settings.batch_size, notes) == (3, 2e-3, 8, ())


def test_an_attached_run_is_repeated_with_what_it_recorded(attached):
    original = original_run(attached.folder, "cpu", "somewhere")
    found = original.settings
    assert (found.epochs, found.batch_size, found.warmup) == (3, 8, 0)
    assert found.lr == pytest.approx(2e-3, rel=1e-6)
    (note,) = original.notes
    assert "read from its trainer_state.json: epochs 3.0, batch size 8" in note
    assert "assumed: schedule linear, optimizer adamw_torch, weight decay 0.01, seed 0" in note


def test_a_run_that_recorded_nothing_gets_our_defaults_and_says_so(attached, monkeypatch):
    monkeypatch.setattr("backend.trials.original.read_json", lambda path: None)
    settings, (note,) = run_settings(attached.folder)
    default = TrainingSettings()
    assert (settings.epochs, settings.batch_size, settings.lr) == (2, 32, default.lr)
    assert STATE_FILE not in note and "assumed: epochs 2.0, batch size 32, learning rate 5e-05" in note


@pytest.mark.parametrize("wrong", [{"epoch": "many"}, {"train_batch_size": -1}, {"log_history": [{}, 3]}])
def test_what_is_wrong_in_a_log_is_passed_over(attached, monkeypatch, wrong):
    state = {"epoch": 2.5, "num_train_epochs": 4, "train_batch_size": 16, "log_history": []} | wrong
    monkeypatch.setattr("backend.trials.original.read_json", lambda path: state)
    settings, _ = run_settings(attached.folder)
    assert settings.epochs == (4 if "epoch" in wrong else 2.5)
    assert settings.batch_size == (32 if "train_batch_size" in wrong else 16)


def test_other_steps_than_rows_and_batches_give_are_named(attached, monkeypatch):
    state = {"epoch": 2.0, "global_step": 4, "train_batch_size": 8}
    monkeypatch.setattr("backend.trials.original.read_json", lambda path: state)
    _, notes = run_settings(attached.folder)
    assert "made 2 steps an epoch, 60 rows in batches of 8 are 8: it accumulated gradients" in notes[1]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ({}, {}),
        ({10: 1e-3}, {"lr": 1e-3}),
        ({10: 1e-3, 20: 1e-3}, {"lr": 1e-3, "scheduler": "constant", "warmup": 0.0}),
        # Linear from 2e-3 over 100 steps, logged every 25.
        ({25: 2e-3 * 0.76, 50: 2e-3 * 0.51, 75: 2e-3 * 0.26}, {"lr": 2e-3, "warmup": 0.0}),
        ({5: 5e-4, 10: 1e-3, 20: 8e-4}, {"lr": 1e-3, "warmup": 0.1}),
        ({1: 0.0}, {}),
    ],
)
def test_the_learning_rate_is_read_from_the_log(rates, expected):
    history = [{"step": step, "learning_rate": rate} for step, rate in rates.items()]
    found = _rates(TrainerLog.read(json.loads(json.dumps({"max_steps": 100, "log_history": history}))))
    assert found == pytest.approx(expected, rel=1e-6) if "scheduler" not in expected else found == expected


def test_the_learning_rate_is_that_of_a_log_that_is_one_update_ahead():
    history = [{"step": step, "learning_rate": 2e-3 * (1 - step / 100)} for step in (25, 50, 75)]
    found = _rates(TrainerLog.read({"max_steps": 100, "log_history": history}, ahead=True))
    assert found == pytest.approx({"lr": 2e-3, "warmup": 0.0}, rel=1e-6)
