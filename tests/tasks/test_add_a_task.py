"""The task of docs/add_a_task.py, from data to export; and what every task must hold."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import docs.add_a_task as example
from backend.data.targets.registry import space_of
from backend.errors import InputError
from backend.manifest import TaskInfo
from backend.model.training_settings import TrainingSettings
from backend.tasks.registry import all_tasks, task_named, task_of
from backend.trials.markdown import markdown
from backend.trials.question import Asked
from backend.trials.run import RetrainSettings
from backend.workspace import Workspace
from tests.conftest import write_rows
from tests.factories import tiny
from tests.tiny_tasks import number_rows

SPACES = {
    "classification": TaskInfo(classes=("a", "b", "c")),
    "multilabel": TaskInfo(name="multilabel", classes=("a", "b", "c")),
    "regression": TaskInfo(name="regression", range=(0.0, 2.0, 5.0)),
    "counts": TaskInfo(name="counts", range=(0.0, 2.0, 5.0)),
}
TARGETS = {
    "classification": ["a", "c", "b", "a"],
    "multilabel": ["a", "a; c", "(none)", "a; b; c"],
    "regression": ["0.5", "2", "-1.25", "4"],
    "counts": ["0", "2", "1", "4"],
}


def test_the_example_is_short():
    lines = Path(example.__file__).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 70


@pytest.fixture(params=sorted(SPACES))
def task(request):
    return task_named(request.param)


def logits_of(task) -> np.ndarray:
    count = len(space_of(SPACES[task.name]).names)
    return np.random.default_rng(0).normal(size=(4, count)).astype(np.float32)


def asked_of(task):
    """Targets, and questions, as losses take them."""
    space = space_of(SPACES[task.name])
    logits = logits_of(task)
    questions = [each.number for each in task.choices(space, task.outputs(logits)[0])]
    found = [space.numbers(TARGETS[task.name])]
    for each in questions:
        numbers = np.asarray([each] * 4)
        found.append(numbers.astype(np.float32) if numbers.dtype == np.float64 else numbers)
    return found


def test_residuals_are_the_derivatives_of_losses(task):
    logits = logits_of(task)
    for targets in asked_of(task):
        given = torch.from_numpy(logits).requires_grad_(True)
        losses = task.losses(given, torch.from_numpy(targets))
        assert losses.shape == (4,) and torch.isfinite(losses).all()
        (truth,) = torch.autograd.grad(losses.sum(), given)
        found = task.residuals(task.outputs(logits), targets)
        np.testing.assert_allclose(found, truth.numpy(), rtol=1e-4, atol=1e-6)


def test_an_example_s_loss_does_not_depend_on_its_batch(task):
    logits, targets = torch.from_numpy(logits_of(task)), torch.from_numpy(asked_of(task)[0])
    together = task.losses(logits, targets)
    alone = [task.losses(logits[i : i + 1], targets[i : i + 1])[0] for i in range(4)]
    torch.testing.assert_close(together, torch.stack(alone))


def test_what_is_judged_fits_the_losses(task):
    space, logits, targets = space_of(SPACES[task.name]), logits_of(task), TARGETS[task.name]
    numbers = space.numbers(targets)
    judged = task.judge(space, task.outputs(logits), targets)
    losses = task.losses(torch.from_numpy(logits), torch.from_numpy(numbers)).numpy()
    np.testing.assert_allclose(judged.loss, losses, rtol=1e-4, atol=1e-6)
    assert all(space.read(each) for each in judged.predicted)
    assert (judged.correct is None) == (not task.knows_right)
    for asked in asked_of(task):
        again, own = task.losses_of(task.outputs(logits), asked), torch.from_numpy(asked)
        expected = task.losses(torch.from_numpy(logits), own).numpy()
        np.testing.assert_allclose(again, expected, rtol=1e-4, atol=1e-6)
    assert task.unknown(numbers, logits.shape[1]) > 0
    better = np.argsort(task.margins(task.outputs(logits), numbers))
    assert len(better) == 4 and task.support(task.outputs(logits), numbers).shape == (4,)


def test_figures_are_named_and_best_for_the_truth(task):
    space, targets = space_of(SPACES[task.name]), TARGETS[task.name]
    found = task.figures(space, task.outputs(logits_of(task)), targets)
    assert [(each.name, each.title, each.better) for each in found] == list(task.figure_names)
    assert {task.goes_by, task.headline} <= {each.name for each in found}


def test_every_question_has_a_name_that_asks_it(task):
    space, outputs = space_of(SPACES[task.name]), task.outputs(logits_of(task))[0]
    for each in task.choices(space, outputs):
        again = task.choice(space, outputs, each.name)
        np.testing.assert_array_equal(again.number, each.number)
    first = task.choice(space, outputs, None)
    assert first.name in [each.name for each in task.choices(space, outputs)]
    with pytest.raises(InputError) as caught:
        task.choice(space, outputs, "no such question")
    assert "\n" not in str(caught.value)


def test_two_targets_to_probe_a_model_with_differ(task):
    count = len(space_of(SPACES[task.name]).names)
    probe = task.probe(count)
    logits = torch.zeros(2, count)
    assert len(probe) == 2 and not np.array_equal(probe[0], probe[1])
    assert torch.isfinite(task.losses(logits, torch.from_numpy(probe))).all()


def test_counts_from_data_to_export(tmp_path):
    rows = [{**row, "label": int(row["label"])} for row in number_rows(40)]
    source = write_rows(tmp_path / "rows.jsonl", rows)
    model = tiny("bert", tmp_path / "model", [row["text"] for row in rows], num_labels=1)
    made, _ = Workspace.create(
        tmp_path / "ws",
        train=str(source),
        eval="0.25",
        columns=example_columns(),
        model=str(model),
    )
    made.train(TrainingSettings(epochs=2, lr=1e-3, batch_size=8, precision="fp32", dynamics=False))
    made.precompute()
    assert task_of(made.explainer("cpu").checkpoints.models[-1]) is all_tasks()["counts"]
    answer = made.explain(row=made.eval_split.ids[0], device="cpu")
    assert answer.query.asked in ("why so high", "why so low") and answer.proponents
    assert answer.query.outputs["value"] > 0 and answer.query.task == "counts"
    assert {"deviance", "mae"} <= {each.name for each in made.measured() or ()}
    row = made.train_split.ids[0]
    made.relabel(row, "9")
    made.export(format="jsonl", out=tmp_path / "out.jsonl")
    found = {each["id"]: each["label"] for each in map(json.loads, (tmp_path / "out.jsonl").open())}
    assert found[row] == 9 and all(isinstance(each, int) for each in found.values())
    made.remove(*made.train_split.ids[3:6])
    report = made.retrain(
        RetrainSettings(seeds=2, epochs=0.5, device="cpu", asked=(Asked(row=row_of(made)),))
    )
    assert {"deviance", "mae", "loss"} <= set(report["arms"][1]["change"])
    assert "mean deviance, low is good" in markdown(report) and report["queries"][0]["value"]
    with pytest.raises(InputError, match="is no count"):
        wrong = write_rows(tmp_path / "wrong.jsonl", [{**row, "label": -1} for row in rows])
        Workspace.create(
            tmp_path / "wrong", train=str(wrong), eval="0.25", columns=example_columns(), model=str(model)
        )


def row_of(made: Workspace) -> str:
    return made.eval_split.ids[1]


def example_columns():
    from backend.data.columns import Columns

    return Columns("text", "label", id="id", task="counts")


def test_a_workspace_of_a_task_that_is_not_known_is_refused_in_one_line(regression_workspace):
    path = regression_workspace.path / "workspace.json"
    content = json.loads(path.read_text())
    content["task"]["name"] = "poetry"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="poetry"):
        Workspace.open(regression_workspace.path).explain("a dull film", device="cpu")
