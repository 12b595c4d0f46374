"""Logging while training: what is logged, that training does not notice, more seeds, staleness."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from backend.cli import app
from backend.data.examples import Examples
from backend.data.shards import target_numbers
from backend.errors import InputError
from backend.files import file_digest
from backend.model import dynamics
from backend.model.dynamics import read_runs, run_path
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.prediction import logits
from backend.model.tokenization import encode
from backend.model.training_settings import TrainingSettings
from backend.tasks.classification import TASK
from backend.workspace import Workspace
from tests.conftest import tiny_rows, without_model, write_rows
from tests.factories import LABELS, SENTENCES
from tests.model.test_checkpoints import raw_run
from tests.model.test_training import fit, weights_of


def test_logging_leaves_the_training_bit_for_bit_as_it_is(tiny_model, tmp_path):
    logged = fit(tmp_path / "logged", tiny_model("bert"))
    plain = fit(tmp_path / "plain", tiny_model("bert"), dynamics=False)
    assert plain.dynamics is None and logged.dynamics is not None
    assert logged.losses == plain.losses
    for one, other in zip(logged.checkpoints, plain.checkpoints, strict=True):
        assert (one.step, one.weight) == (other.step, other.weight)
    for name, weight in weights_of(plain).items():
        assert np.array_equal(weight, weights_of(logged)[name])


@pytest.mark.parametrize("epochs", [2.0, 1.5])
def test_the_last_entry_is_the_last_checkpoint(epochs, tiny_model, tmp_path):
    """Also of a last epoch that is cut short; what is logged is said by the saved model in eval mode."""
    made = fit(tmp_path / "run", tiny_model("bert"), epochs=epochs)
    looks = {2.0: (0.5, 1, 1.5, 2), 1.5: (1 / 3, 2 / 3, 7 / 6, 1.5)}[epochs]  # of 6 steps an epoch
    assert made.dynamics.epochs == pytest.approx(looks)
    assert list(made.dynamics.values) == ["loss", "margin", "error", "correct"]
    assert {each.shape for each in made.dynamics.values.values()} == {(4, len(SENTENCES))}
    last = made.checkpoints[-1].path
    tokenizer = load_tokenizer(last)
    found = logits(load_classifier(last), encode(tokenizer, Examples.of(SENTENCES), 64), tokenizer)
    for name, expected in TASK.record(found, np.array(LABELS)).items():
        np.testing.assert_allclose(made.dynamics.values[name][-1], expected, rtol=1e-4, atol=1e-6)
        assert name == "correct" or np.abs(made.dynamics.values[name][0] - expected).max() > 0.01


def test_of_a_text_without_tokens_nothing_is_known(tiny_model, tmp_path):
    made = fit(tmp_path / "run", tiny_model("gpt2"), texts=["", *SENTENCES[1:]], epochs=1)
    margins = made.dynamics.values["margin"]
    assert (margins[:, 0] == 0).all() and (margins[0, 1:] != 0).all()
    np.testing.assert_allclose(made.dynamics.values["loss"][:, 0], np.log(2), rtol=1e-6)


# -- in a workspace -----------------------------------------------------------------------------------


def trained(tiny_workspace: Workspace) -> Workspace:
    """The shared workspace was trained with logging."""
    assert tiny_workspace.folder.state("dynamics") == "current"
    return tiny_workspace


def test_train_records_its_run(tiny_workspace):
    artifact = trained(tiny_workspace).manifest.artifacts["dynamics"]
    assert artifact.inputs == {"data": tiny_workspace.manifest.artifacts["data"].id}
    assert artifact.details["seeds"] == [0] and artifact.details["epochs"] == [4]
    (run,) = read_runs(tiny_workspace.folder)
    assert run.values["loss"].shape == (4, 60) and run.epochs == (0.75, 1.5, 2.25, 3)
    last, labels = (
        tiny_workspace.predictions("train").probabilities,
        target_numbers(tiny_workspace.folder, "train"),
    )
    np.testing.assert_allclose(np.exp(-run.values["loss"][-1]), TASK.support(last, labels), atol=1e-4)
    settings = tiny_workspace.manifest.artifacts["checkpoints"].details["settings"]
    assert settings["epochs"] == 3 and settings["lr"] == 2e-3


def test_a_log_of_an_earlier_version_says_the_same(tiny_workspace):
    """It kept the logits themselves, in files that still hold."""
    folder, (known,) = tiny_workspace.folder, read_runs(tiny_workspace.folder)
    path, model = run_path(folder.dynamics, 0), folder.checkpoint_path(folder.manifest().checkpoints[-1])
    tokenizer, texts = load_tokenizer(model), tiny_workspace.train_split.examples
    last = logits(load_classifier(model), encode(tokenizer, texts, 128), tokenizer)
    with safe_open(path, "np") as file:
        metadata = {name: each for name, each in file.metadata().items() if name != "record"}
    save_file({"logits": np.stack([last] * 4)}, path, metadata)
    assert tiny_workspace.compute_dynamics(1) == [0], "nothing is trained again"
    (run,) = read_runs(folder)
    assert run.values.keys() == known.values.keys() and run.epochs == known.epochs
    for name, values in run.values.items():
        np.testing.assert_allclose(values[0], known.values[name][-1], rtol=1e-3, atol=1e-5, err_msg=name)


def test_what_another_version_recorded_is_not_taken_for_this_ones(tiny_workspace, monkeypatch):
    monkeypatch.setattr(dynamics, "_RECORD", "2")
    with pytest.raises(InputError, match=r"run-0.safetensors: damaged or missing; delete it"):
        read_runs(tiny_workspace.folder)
    assert tiny_workspace.compute_dynamics(1) == [0]
    (run,) = read_runs(tiny_workspace.folder)
    assert run.values["loss"].shape == (4, 60)


def test_lost_rows_are_not_blamed_on_a_log_of_logits(tiny_workspace):
    path = run_path(tiny_workspace.folder.dynamics, 0)
    save_file(
        {"logits": np.zeros((4, 60, 2), dtype=np.float32)}, path, {"key": "k", "epochs": "[1, 2, 3, 4]"}
    )
    record = tiny_workspace.manifest.artifacts["dynamics"]
    details = {**record.details, "files": {path.name: file_digest(path)}}
    tiny_workspace.folder.record("dynamics", ("data",), id=record.id, **details)
    (tiny_workspace.folder.data / tiny_workspace.manifest.data.file("train")).unlink()
    with pytest.raises(InputError, match=r"train.*\.parquet: missing or damaged"):
        read_runs(tiny_workspace.folder)


def test_more_seeds_leave_only_logs(tiny_workspace):
    before = {path.name for path in tiny_workspace.path.iterdir()}
    steps = [each.step for each in tiny_workspace.manifest.checkpoints]
    assert tiny_workspace.compute_dynamics(3) == [0, 1, 2]
    assert {path.name for path in tiny_workspace.path.iterdir()} == before
    assert [path.name for path in sorted(tiny_workspace.folder.dynamics.iterdir())] == [
        f"run-{seed}.safetensors" for seed in range(3)
    ]
    assert [each.step for each in tiny_workspace.manifest.checkpoints] == steps
    assert tiny_workspace.folder.state("rows") == tiny_workspace.folder.state("dynamics") == "current"
    runs = read_runs(tiny_workspace.folder)
    assert len(runs) == 3 and not np.allclose(runs[1].values["loss"], runs[2].values["loss"])


def test_the_seed_of_the_training_repeats_it(tiny_workspace):
    path = run_path(tiny_workspace.folder.dynamics, 0)
    before = load_file(path)
    path.unlink()
    tiny_workspace.compute_dynamics(1)
    after = load_file(path)
    assert all(np.array_equal(after[name], before[name]) for name in before) and list(after) == list(before)


def test_a_stopped_call_goes_on(tiny_workspace):
    folder, trainings = tiny_workspace.folder, []

    def interrupt(stage, done, total):
        if stage == "training" and done == 0:
            trainings.append(stage)
        if len(trainings) == 2 and done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny_workspace.compute_dynamics(3, interrupt)
    assert tiny_workspace.manifest.artifacts["dynamics"].details["seeds"] == [0, 1]
    assert not list(folder.path.glob(".*.tmp")) and len(read_runs(folder)) == 2
    kept = run_path(folder.dynamics, 1).stat().st_mtime_ns
    seen = []
    tiny_workspace.compute_dynamics(3, lambda stage, done, total: seen.append((stage, done)))
    assert seen.count(("training", 0)) == 1
    assert run_path(folder.dynamics, 1).stat().st_mtime_ns == kept
    assert tiny_workspace.manifest.artifacts["dynamics"].details["seeds"] == [0, 1, 2]


def test_appended_rows_make_it_stale_and_a_new_training_covers_them(tiny_workspace, tmp_path):
    more = write_rows(tmp_path / "more.jsonl", tiny_rows(4, 500))
    tiny_workspace.append(train=str(more))
    assert tiny_workspace.folder.state("dynamics") == "stale"
    with pytest.raises(InputError, match="dynamics stale"):
        read_runs(tiny_workspace.folder)
    tiny_workspace.compute_dynamics(1)
    assert tiny_workspace.folder.state("dynamics") == "current"
    assert read_runs(tiny_workspace.folder)[0].values["loss"].shape == (4, 64)


def test_an_attached_run_has_nothing_to_repeat(tiny_model, tmp_path):
    workspace = without_model(tmp_path, 30)
    run = raw_run(tiny_model("bert"), tmp_path / "run", names=["bad", "good"])
    workspace.attach(run)
    with pytest.raises(InputError, match="attached, so there is no training to repeat") as found:
        workspace.compute_dynamics(2)
    assert "\n" not in str(found.value)


def test_without_logging_seeds_can_still_be_trained(tiny_model, tmp_path):
    workspace = without_model(tmp_path, 20)
    folder = workspace.folder
    folder.update(
        lambda m: m.model_copy(update={"model": m.model.model_copy(update={"name": str(tiny_model("bert"))})})
    )
    workspace.train(TrainingSettings(epochs=1, lr=1e-3, batch_size=8, seed=7, dynamics=False))
    assert folder.state("dynamics") == "missing" and not folder.dynamics.exists()
    assert workspace.compute_dynamics(1) == [7]
    assert len(read_runs(folder)) == 1


def test_wrong_input_and_damage(tiny_workspace):
    with pytest.raises(InputError, match="--seeds 0: must be at least 1"):
        tiny_workspace.compute_dynamics(0)
    path = run_path(tiny_workspace.folder.dynamics, 0)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="damaged or missing"):
        read_runs(tiny_workspace.folder)
    assert any("run-0" in line for line in tiny_workspace.verify(repair=True))
    assert not path.exists()
    tiny_workspace.compute_dynamics(1)
    assert not tiny_workspace.verify()
    with safe_open(path, "np") as file:
        assert set(file.metadata()) == {"key", "epochs", "record"}


def test_on_the_command_line(tiny_model, tmp_path):
    rows = write_rows(tmp_path / "rows.jsonl", tiny_rows(30))
    ws = str(tmp_path / "ws")

    def run(*arguments):
        done = CliRunner().invoke(app, [str(each) for each in arguments])
        assert done.exit_code == 0, done.output
        return done

    source = ["--train", rows, "--eval", "0.2", "--text", "text", "--label", "label", "--id", "id"]
    run("init", ws, *source, "--model", tiny_model("bert"))
    run("train", ws, "--epochs", 1, "--batch-size", 8, "--no-dynamics")
    assert Workspace.open(ws).folder.state("dynamics") == "missing"
    answer = json.loads(run("dynamics", ws, "--seeds", 2, "--json").stdout)
    assert answer["artifacts"]["dynamics"]["seeds"] == [0, 1]
    assert answer["artifacts"]["dynamics"]["state"] == "current"


def test_a_log_that_was_not_recorded_is_used(tiny_workspace):
    """As a kill between two writes leaves it: nothing has to be trained again."""
    recorded = tiny_workspace.manifest.artifacts["dynamics"].id
    tiny_workspace.folder.forget("dynamics")
    seen = []
    tiny_workspace.compute_dynamics(1, lambda *each: seen.append(each))
    assert {stage for stage, *_ in seen} == {"training with other seeds"}
    assert tiny_workspace.manifest.artifacts["dynamics"].id == recorded
