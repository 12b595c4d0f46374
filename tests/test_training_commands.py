"""`train --plan`, what a training says before and after, and figures in `status`."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors import SafetensorError
from transformers import PreTrainedModel
from typer.testing import CliRunner

from backend.cli import app
from backend.data.columns import Columns
from backend.errors import InputError
from backend.model import runs
from backend.model.figures import figures_of
from backend.model.planned import judged
from backend.workspace import Workspace
from tests.conftest import SETTINGS, tiny_rows, without_model, write_rows
from tests.factories import tiny


def run(*arguments: object):
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def untrained(tmp_path) -> Workspace:
    model = tiny("bert", tmp_path / "model", [row["text"] for row in tiny_rows(60)])
    workspace, _ = Workspace.create(
        tmp_path / "ws",
        train=str(write_rows(tmp_path / "train.jsonl", tiny_rows(60))),
        eval="0.25",
        columns=Columns("text", "label", id="id"),
        model=str(model),
    )
    return workspace


def test_a_plan_is_shown_with_its_time_and_nothing_is_trained(untrained):
    content = json.loads(run("train", untrained.path, "--plan", "--json").stdout)
    assert content["plan"] == json.loads(json.dumps(untrained.plan_training().to_json()))
    parts = ("starting", "stepping", "looking", "saving")
    assert content["forecast"]["seconds"] == pytest.approx(sum(content["forecast"][each] for each in parts))
    assert content["forecast"]["steps"] == content["plan"]["steps"] and content["forecast"]["stepping"] > 0
    said = run("train", untrained.path, "--dry-run", "--epochs", 1, "--lr", 1e-6).stderr
    assert "1 epoch," in said and "warning: this will hardly learn 2 classes" in said and "about" in said
    assert untrained.folder.state("checkpoints") == "missing" and not untrained.folder.checkpoints.exists()


def test_what_is_not_asked_is_planned_and_all_is_recorded(untrained):
    run("train", untrained.path, "--epochs", 2, "--patience", 3, "--balanced-batches", "--precision", "fp32")
    recorded = untrained.manifest.artifacts["checkpoints"].details["settings"]
    plan = untrained.plan_training({"epochs": 2})
    assert {name: recorded[name] for name in plan.settings()} == plan.settings()
    assert recorded["patience"] == 3 and recorded["balanced_batches"] and not recorded["class_weights"]
    assert untrained.compute_dynamics(2) == [0, 1]  # repeats it, eval rows included


def test_figures_are_those_of_the_stored_predictions(tiny_workspace):
    predictions = tiny_workspace.predictions("eval")
    found = tiny_workspace.figures()
    assert found.rows == 20 and found.accuracy == pytest.approx(predictions.correct.mean())
    status = json.loads(run("status", tiny_workspace.path, "--json").stdout)
    assert status["figures"]["macro_f1"] == pytest.approx(found.macro_f1)
    shown = run("status", tiny_workspace.path, "--classes").stdout
    assert f"accuracy {found.accuracy:.1%} on 20 eval rows" in shown and "most confused" in shown
    assert all(name in shown for name in tiny_workspace.manifest.classes)
    assert "most confused" not in run("status", tiny_workspace.path).stdout


def test_without_predictions_nothing_is_claimed(untrained):
    assert untrained.figures() is None and untrained.hardly_learnt() is None
    assert untrained.status()["figures"] is None


def test_a_model_that_has_hardly_learnt_is_said_first_with_one_command(untrained):
    result = run("train", untrained.path, "--epochs", 1, "--lr", 1e-8, "--precision", "fp32")
    assert result.stdout.startswith("THIS MODEL HAS HARDLY LEARNT"), "before `precompute` made predictions"
    assert f"python -m backend train {untrained.path} --again" in result.stdout
    trained = untrained.figures()
    untrained.precompute()
    assert (untrained.figures().confusion == trained.confusion).all()
    first = run("status", untrained.path).stdout.splitlines()[0]
    assert first.startswith("THIS MODEL HAS HARDLY LEARNT")
    assert untrained.hardly_learnt().command.endswith("--again")


def test_after_a_rate_far_above_the_plan_the_rate_is_named(tiny_workspace):
    tiny_workspace.train(replace(SETTINGS, epochs=1, lr=0.2), again=True)
    nothing = figures_of([0] * 50 + [1] * 50, [0] * 100, tiny_workspace.manifest.classes)
    found = judged(tiny_workspace.folder, nothing)
    assert "at the planned rate of" in found.advice and "not 0.2" in found.advice
    assert found.command.endswith("--again")


@pytest.mark.parametrize("size", [0, -4])
def test_batches_without_rows_are_refused_in_one_line(untrained, size):
    with pytest.raises(InputError, match=f"batch_size {size}: must be at least 1"):
        untrained.planned_settings({"batch_size": size})


def test_after_a_run_as_long_as_planned_more_epochs_are_advised(tiny_workspace):
    nothing = figures_of([0] * 50 + [1] * 50, [0] * 100, tiny_workspace.manifest.classes)
    details = tiny_workspace.manifest.artifacts["checkpoints"].details["settings"]
    assert details["epochs"] == SETTINGS.epochs
    command = judged(tiny_workspace.folder, nothing).command
    assert "--again" in command and "--balanced-batches" not in command
    uneven = figures_of([0] * 90 + [1] * 10, [0] * 100, tiny_workspace.manifest.classes)
    assert judged(tiny_workspace.folder, uneven).command.endswith("--balanced-batches")


def test_training_again_keeps_the_run_the_decisions_and_says_what_is_stale(tiny_workspace):
    before, folder = tiny_workspace.manifest, tiny_workspace.folder
    old = [folder.checkpoint_path(each) for each in before.checkpoints]
    logits = (folder.dynamics / "run-0.safetensors").read_bytes()
    tiny_workspace.review.flag(tiny_workspace.train_split.ids[0])
    refused = CliRunner().invoke(app, ["train", str(tiny_workspace.path)])
    assert isinstance(refused.exception, InputError) and "--again" in str(refused.exception)
    run("train", tiny_workspace.path, "--again", "--epochs", 2, "--lr", 1e-3, "--precision", "fp32")
    after = tiny_workspace.manifest
    assert after.artifacts["checkpoints"].id != before.artifacts["checkpoints"].id
    assert all(each.path.startswith("runs/2/") for each in after.checkpoints)
    assert all((path / "model.safetensors").is_file() for path in old)
    assert (tiny_workspace.path / "dynamics/run-0.safetensors").read_bytes() == logits
    assert folder.state("index") == "stale" and folder.state("dynamics") == "current"
    assert len(tiny_workspace.review.states()) == 1
    tiny_workspace.precompute()
    assert tiny_workspace.status()["next"] is None
    first, second = tiny_workspace.runs()
    assert (first["number"], first["current"], second["current"]) == (1, False, True)
    assert (first["lr"], second["lr"]) == (SETTINGS.lr, 1e-3) and second["macro_f1"] is not None
    assert "0.001" in run("runs", tiny_workspace.path).stdout
    run("train", tiny_workspace.path, "--again", "--no-dynamics", "--epochs", 1, "--precision", "fp32")
    assert len(tiny_workspace.runs()) == 3 and folder.state("dynamics") == "missing"


def test_the_run_before_can_be_used_again_and_all_that_was_computed_of_it(tiny_workspace):
    before, folder = tiny_workspace.manifest, tiny_workspace.folder
    tiny_workspace.train(replace(SETTINGS, epochs=1, max_length=16), again=True)
    second = tiny_workspace.manifest
    shown = run("runs", tiny_workspace.path, "--use", 1)
    after = tiny_workspace.manifest
    assert after.checkpoints == before.checkpoints and after.max_length == before.max_length
    assert after.artifacts["checkpoints"].id == before.artifacts["checkpoints"].id
    assert after.artifacts["dynamics"].id == before.artifacts["dynamics"].id
    assert folder.state("index") == "current" and tiny_workspace.verify() == []
    assert [each["current"] for each in tiny_workspace.runs()] == [True, False]
    assert "yes" in shown.stdout.splitlines()[1]
    first, last = tiny_workspace.runs()
    assert first["created"] == before.artifacts["checkpoints"].created and last["number"] == 2
    for wrong, said in ((1, "is the one that is explained"), (9, "no training 9; beside .*: 2")):
        with pytest.raises(InputError, match=said):
            tiny_workspace.use_run(wrong)
    tiny_workspace.train(replace(SETTINGS, epochs=1), again=True)
    assert [each["current"] for each in tiny_workspace.runs()] == [False, False, True]
    assert folder.run(3).is_dir() and tiny_workspace.manifest.run == 3
    tiny_workspace.use_run(2)
    assert tiny_workspace.manifest.checkpoints == second.checkpoints
    assert tiny_workspace.manifest.max_length == 16 and folder.state("index") == "stale"
    weights = folder.run(3) / tiny_workspace.manifest.runs[-1].checkpoints[-1].path.rpartition("runs/3/")[2]
    for spoil in (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"), Path.unlink):
        spoil(weights / "model.safetensors")
        with pytest.raises(InputError, match="weights changed or missing since training 3"):
            tiny_workspace.use_run(3)
    assert tiny_workspace.manifest.checkpoints == second.checkpoints


def test_a_training_that_was_recorded_without_its_weights_is_not_used_again(tiny_workspace):
    tiny_workspace.train(replace(SETTINGS, epochs=1), again=True)
    path = tiny_workspace.path / "workspace.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for name in ("id", "inputs", "max_length"):
        del content["runs"][0][name]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match="training 1 was recorded by an earlier Firstword"):
        tiny_workspace.use_run(1)
    assert len(tiny_workspace.runs()) == 2


def test_a_training_that_is_stopped_leaves_the_run_that_was(tiny_workspace, monkeypatch):
    before = tiny_workspace.manifest

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(runs, "write_run", killed)
        with pytest.raises(KeyboardInterrupt):
            tiny_workspace.train(SETTINGS, again=True)
    assert tiny_workspace.manifest == before and tiny_workspace.folder.state("index") == "current"
    tiny_workspace.train(SETTINGS, again=True)
    assert [each["number"] for each in tiny_workspace.runs()] == [1, 2]


def test_an_attached_run_is_not_trained_again(tiny_workspace, tmp_path):
    attached = without_model(tmp_path, 60)
    attached.attach(tiny_workspace.folder.checkpoints)
    with pytest.raises(InputError, match=r"attached.*copy"):
        attached.train(SETTINGS, again=True)


def test_learning_rates_that_a_run_does_not_say_are_options_of_attach(tiny_workspace, tmp_path):
    attached = without_model(tmp_path, 60)
    source = tiny_workspace.folder.checkpoints
    said = run(
        *("attach", attached.path, "--run", source, "--learning-rate", "2e-3"),
        *("--schedule", "constant_with_warmup", "--warmup-steps", "3"),
    )
    assert "The learning rates given with --learning-rate are used, not the logged ones." in said.stderr
    last = attached.manifest.checkpoints[-1]
    assert last.weight == pytest.approx(2e-3) and f"options (step {last.step})" in said.stdout


def test_a_copy_has_rows_and_decisions_and_waits_for_a_model(tiny_workspace, tmp_path):
    row = tiny_workspace.train_split.ids[3]
    tiny_workspace.review.remove(row)
    tiny_workspace.review.freeze("first")
    run("copy", tiny_workspace.path, tmp_path / "second", "--epochs", 1, "--lr", 1e-3)
    made = Workspace.open(tmp_path / "second")
    assert made.train_split.ids == tiny_workspace.train_split.ids
    assert made.states().keys() == {row} and [each.name for each in made.versions()] == ["v1"]
    assert made.manifest.artifacts["checkpoints"].details["settings"]["lr"] == 1e-3
    assert made.folder.state("rows") == "missing" and made.runs()[0]["current"]
    made.precompute()
    made.undo()
    assert len(tiny_workspace.review.states()) == 1  # the logs are apart
    with pytest.raises(InputError, match="not empty"):
        tiny_workspace.copy(tmp_path / "second")
    with pytest.raises(InputError, match="no such"):
        tiny_workspace.copy(tmp_path / "third", model=str(tmp_path / "none"))
    assert not (tmp_path / "third").exists()


@pytest.mark.parametrize("wrong", [("--lr", 99), ("--epochs", 0), ("--patience", 0), ("--seed", -1)])
def test_a_copy_with_a_wrong_setting_leaves_nothing(wrong, tiny_workspace, tmp_path):
    command = ["copy", tiny_workspace.path, tmp_path / "new" / "second", *wrong]
    refused = CliRunner().invoke(app, [str(each) for each in command])
    assert isinstance(refused.exception, InputError) and wrong[0].lstrip("-") in str(refused.exception)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("I/O error")])
def test_a_forecast_that_cannot_save_stops_no_training(error, untrained, monkeypatch):
    def full(self, folder, *_: object, **__: object) -> None:
        Path(folder).mkdir()
        (Path(folder) / "model.safetensors").write_bytes(b"half")
        saved.append(Path(folder))
        raise error

    saved: list[Path] = []
    before = sorted(untrained.path.iterdir())
    with monkeypatch.context() as patched:
        patched.setattr(PreTrainedModel, "save_pretrained", full)
        forecast = untrained.forecast_training(untrained.planned_settings({"epochs": 1.0}))
    assert forecast.saving == 0 and forecast.seconds > 0
    assert saved and saved[0].is_relative_to(untrained.path)  # on the disk that matters
    assert sorted(untrained.path.iterdir()) == before


def test_a_copy_of_an_attached_workspace_needs_a_model(tiny_workspace, tmp_path):
    attached = without_model(tmp_path, 60)
    attached.attach(tiny_workspace.folder.checkpoints)
    with pytest.raises(InputError, match="--model"):
        attached.copy(tmp_path / "second")
    model = tiny("bert", tmp_path / "fresh", [row["text"] for row in tiny_rows(60)])
    made = attached.copy(tmp_path / "second", model=str(model))
    assert made.manifest.model.name == str(model) and made.status()["artifacts"]["data"]["state"] == "current"
