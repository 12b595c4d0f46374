import json
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from transformers.trainer_utils import SchedulerType

from backend.data.examples import Examples
from backend.errors import InputError
from backend.manifest import TaskInfo
from backend.model import training
from backend.model.checkpoints import find_run
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.prediction import predict
from backend.model.tokenization import encode
from backend.model.training import TrainingSettings, train
from backend.model.training_settings import _NO_SCHEDULERS
from tests.factories import LABELS, SENTENCES

CLASSES = ["neg", "pos"]
NAMES = [CLASSES[label] for label in LABELS]
QUICK = {"epochs": 4, "batch_size": 2, "checkpoints": 3, "lr": 2e-3, "precision": "fp32", "device": "cpu"}


def fit(folder: Path, source: Path, progress=lambda *_: None, texts=SENTENCES, names=NAMES, **settings):
    return train(
        folder,
        model=str(source),
        layers=settings.pop("layers", None),
        task=TaskInfo(classes=tuple(settings.pop("classes", CLASSES))),
        training=Examples.of(texts, settings.pop("texts_b", None), names),
        evaluation=Examples.of(SENTENCES, None, NAMES),
        settings=TrainingSettings(**{**QUICK, **settings}),
        progress=progress,
    )


@pytest.fixture(scope="module")
def result(tiny_model, tmp_path_factory):
    seen = []
    run = tmp_path_factory.mktemp("trained") / "run"
    made = fit(run, tiny_model("bert"), lambda *args: seen.append(args), max_length=16)
    return made, seen


def test_it_is_an_ordinary_trainer_run(result):
    made, _ = result
    assert made.steps == 24 and made.max_length == 16 and made.seconds > 0
    assert [each.step for each in made.checkpoints] == find_run(made.run).all_steps
    assert len(made.checkpoints) == 3 and made.checkpoints[-1].step == 24
    assert sorted(each.name for each in made.run.iterdir()) == sorted(e.path.name for e in made.checkpoints)
    for each in made.checkpoints:
        names = {path.name for path in each.path.iterdir()}
        assert names >= {
            *("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"),
            *("optimizer.pt", "scheduler.pt", "trainer_state.json"),
        }
    found = find_run(made.run)
    assert (found.classes, found.max_length, found.optimizer_state) == (CLASSES, 16, True)
    assert found.notes == []


def test_log_weights_and_losses(result):
    made, _ = result
    assert [step for step, _ in made.losses] == list(range(1, 25))
    first, last = made.checkpoints[0], made.checkpoints[-1]
    rates = [2e-3 * (24 - step) / 24 for step in range(first.step)]
    assert first.weight == pytest.approx(np.mean(rates))
    assert first.weight > last.weight > 0
    assert first.loss == pytest.approx(np.mean([loss for step, loss in made.losses if step <= first.step]))


def test_it_learns_and_the_accuracy_is_the_last_checkpoint_s(tiny_model, tmp_path):
    made = fit(tmp_path / "run", tiny_model("distilbert"), epochs=15)
    assert made.losses[-1][1] < made.losses[0][1] / 2
    last = made.checkpoints[-1].path
    tokenizer, model = load_tokenizer(last), load_classifier(last)
    predicted = predict(model, encode(tokenizer, Examples.of(SENTENCES), 16), tokenizer).argmax(1)
    assert made.eval_accuracy == np.mean(predicted == np.array(LABELS)) >= 0.75


def test_progress(result):
    _, seen = result
    training_steps = [each for each in seen if each[0] == "training"]
    assert training_steps == [("training", step, 24) for step in range(25)]
    assert seen[-1] == ("predicting", len(SENTENCES), len(SENTENCES))


def test_nothing_written_points_at_the_temporary_folder(result):
    made, _ = result
    assert sorted(path.name for path in made.run.parent.iterdir()) == ["run"]
    for path in made.run.rglob("*.json"):
        assert ".tmp" not in path.read_text()


def weights_of(made) -> dict[str, np.ndarray]:
    return load_file(made.checkpoints[-1].path / "model.safetensors")


def test_deterministic_given_the_seed(result, tiny_model, tmp_path):
    made, _ = result
    again = fit(tmp_path / "again", tiny_model("bert"), max_length=16)
    other = fit(tmp_path / "other", tiny_model("bert"), max_length=16, seed=1)
    assert again.losses == made.losses != other.losses
    for name, weight in weights_of(made).items():
        assert np.array_equal(weight, weights_of(again)[name])


@pytest.mark.parametrize(
    ("architecture", "settings"),
    [
        ("roberta", {"optimizer": "sgd", "scheduler": "constant"}),
        ("deberta", {"scheduler": "cosine", "warmup": 0.2, "epochs": 1.5}),
        ("gpt2", {"layers": 1, "texts": ["", *SENTENCES[1:]]}),
        ("distilbert", {"texts_b": SENTENCES[::-1], "classes": ["pos", "other", "neg"]}),
        ("bert", {"precision": "bf16", "max_length": None, "batch_size": 5}),
    ],
)
def test_architectures_and_settings(architecture, settings, tiny_model, tmp_path):
    made = fit(tmp_path / "run", tiny_model(architecture), **{"epochs": 2, **settings})
    last = load_classifier(made.checkpoints[-1].path)
    assert list(last.config.id2label.values()) == settings.get("classes", CLASSES)
    assert all(np.isfinite(loss) for _, loss in made.losses)
    assert all(each.weight > 0 for each in made.checkpoints)


def test_more_checkpoints_than_steps(tiny_model, tmp_path):
    made = fit(tmp_path / "run", tiny_model("bert"), epochs=1, batch_size=6, checkpoints=9)
    assert [each.step for each in made.checkpoints] == [1, 2]


# -- faults: one line, and no folder ---------------------------------------------------------------


def refused(tmp_path: Path, source: Path, message: str, **settings) -> None:
    with pytest.raises(InputError, match=message) as caught:
        fit(tmp_path / "run", source, **settings)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_wrong_input(tiny_model, tmp_path):
    source = tiny_model("bert")
    refused(tmp_path, source, "'ugly' is not one of the classes", names=["ugly", *NAMES[1:]])
    refused(tmp_path, source, "label 'pos' is not one", names=["neg"] * 12, classes=["neg", "good"])
    refused(tmp_path, source, "at least two different classes", classes=["neg"])
    refused(tmp_path, source, "cannot keep 9 layers", layers=9)
    refused(tmp_path, source, "at least 3", max_length=2)
    refused(tmp_path, tmp_path / "no" / "model", "no such folder")
    refused(tmp_path, source, "nothing to train on", texts=[], names=[])
    refused(tmp_path, tiny_model("gpt2"), "nothing to train on", texts=[""], names=["neg"])


def test_a_diverging_loss_stops_the_run(tiny_model, tmp_path):
    refused(
        tmp_path, tiny_model("bert"), "diverged.*--lr", lr=10.0, optimizer="sgd", weight_decay=10.0, epochs=20
    )


def test_an_optimizer_that_needs_a_missing_package(tiny_model, tmp_path):
    refused(tmp_path, tiny_model("bert"), "optimizer lomo: not available", optimizer="lomo")


def test_a_scheduler_that_does_not_work_with_the_settings(tiny_model, tmp_path):
    message = r"scheduler polynomial: does not work with these settings \(lr_end"
    refused(tmp_path, tiny_model("bert"), message, scheduler="polynomial", lr=1e-9)


@pytest.mark.parametrize("name", sorted({e.value for e in SchedulerType} - _NO_SCHEDULERS))
def test_every_scheduler_that_is_offered_works(name, tiny_model, tmp_path):
    made = fit(tmp_path / "run", tiny_model("bert"), scheduler=name, warmup=0.5, epochs=1)
    assert made.checkpoints[-1].weight > 0


def test_full_disk(tiny_model, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(training.shutil, "disk_usage", lambda path: usage(10, 10, 1_000_000))
    refused(tmp_path, tiny_model("bert"), "free, but training saves 6 checkpoints")


def test_an_interrupted_run_leaves_nothing(tiny_model, tmp_path):
    def interrupt(stage, done, total):
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", tiny_model("bert"), interrupt)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(tiny_model, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        fit(tmp_path / "run", tiny_model("bert"))
    assert (tmp_path / "run" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("epochs", each) for each in (0, -1, float("nan"), "two", True, 1e300, 10_001)],
        *[("lr", each) for each in (0, -1e-5, 100.0, float("inf"))],
        *[("batch_size", each) for each in (0, 1.5)],
        *[("checkpoints", 0), ("seed", -1), ("max_length", 0), ("warmup", 1.5), ("weight_decay", -0.1)],
        *[
            ("optimizer", "adamm"),
            ("scheduler", "linaer"),
            ("scheduler", "cosine_with_min_lr"),
            ("precision", "fp8"),
        ],
    ],
)
def test_settings_are_checked(field, value):
    with pytest.raises(InputError, match=field):
        TrainingSettings(**{field: value})


def test_unknown_device():
    with pytest.raises(InputError, match="device 'tpu'"):
        TrainingSettings(device="tpu").torch_device()


def test_scheduler_settings_reach_the_log(tiny_model, tmp_path):
    made = fit(tmp_path / "run", tiny_model("bert"), warmup=0.5, epochs=2)
    state = json.loads((made.checkpoints[-1].path / "trainer_state.json").read_text())
    rates = [each["learning_rate"] for each in state["log_history"]]
    assert rates.index(max(rates)) == pytest.approx(len(rates) / 2, abs=1) and rates[0] == 0
