"""Runs of multi-label and regression models: attached as they are, or refused in one line."""

import json
import shutil

import numpy as np
import pytest

from backend.errors import InputError
from backend.folder import Folder
from backend.model.run_list import list_runs
from backend.tasks.registry import task_of
from backend.workspace import Workspace
from tests.conftest import write_rows
from tests.tiny_tasks import number_columns, number_rows, set_columns, set_rows


@pytest.fixture(params=["multilabel", "regression"])
def trained(request) -> Workspace:
    return Workspace.open(request.getfixturevalue(f"{request.param}_template"))


def waiting(folder, task: str, n_train: int = 60) -> Workspace:
    """A workspace of the template's rows that waits for a run."""
    rows = set_rows if task == "multilabel" else number_rows
    columns = set_columns() if task == "multilabel" else number_columns()
    train = write_rows(folder / "train.jsonl", rows(n_train))
    evaluation = write_rows(folder / "eval.jsonl", [{**row, "id": f"e{row['id']}"} for row in rows(20, 1000)])
    made, _ = Workspace.create(
        folder / "ws", train=str(train), eval=str(evaluation), columns=columns, model="sshleifer/unused"
    )
    return made


def configured(run, change) -> None:
    for path in run.glob("checkpoint-*/config.json"):
        config = json.loads(path.read_text())
        change(config)
        path.write_text(json.dumps(config))


def test_a_run_is_explained_as_the_training_here(trained, tmp_path):
    made = waiting(tmp_path, trained.space.task)
    notes = made.attach(trained.folder.checkpoints)
    assert any("the run's log holds no evaluation" in each for each in notes)
    made.precompute()
    row = made.eval_split.ids[0]
    ours, theirs = (each.explain(row=row, score="dot", device="cpu") for each in (trained, made))
    assert [e.id for e in ours.proponents] == [e.id for e in theirs.proponents]
    np.testing.assert_allclose(
        [e.score for e in ours.proponents], [e.score for e in theirs.proponents], rtol=1e-3
    )
    check = made.status()["check"]
    assert check["rows"] == 20 and {name for name, *_ in made.task.figure_names} <= set(check)


def test_a_run_for_another_task_is_refused(trained, tmp_path):
    other = "regression" if trained.space.task == "multilabel" else "multilabel"
    made = waiting(tmp_path, other)
    with pytest.raises(InputError, match=f"--task {trained.space.task}"):
        made.attach(trained.folder.checkpoints)
    assert "checkpoints" not in made.manifest.artifacts


def test_a_classifier_is_refused_and_a_classification_refuses_the_others(trained, tiny_template, tmp_path):
    made = waiting(tmp_path, trained.space.task)
    with pytest.raises(InputError, match="--task classification"):
        made.attach(Workspace.open(tiny_template).folder.checkpoints)


def test_a_config_that_does_not_say_is_taken_as_transformers_takes_it(trained, tmp_path):
    run = shutil.copytree(trained.folder.checkpoints, tmp_path / "run")
    configured(run, lambda config: config.pop("problem_type"))
    made = waiting(tmp_path, trained.space.task)
    if trained.space.task == "regression":
        made.attach(run)
        made.precompute()
        assert task_of(made.explainer("cpu").checkpoints.models[-1]).name == "regression"
        return
    with pytest.raises(InputError, match='add "problem_type": "multi_label_classification"'):
        made.attach(run)


def test_names_of_another_order_are_followed(multilabel_template, tmp_path):
    """The outputs of the run are named: their order, not the data's, is the model's."""
    template = Workspace.open(multilabel_template)
    run = shutil.copytree(template.folder.checkpoints, tmp_path / "run")

    def reverse(config):
        names = [config["id2label"][str(each)] for each in range(4)][::-1]
        config["id2label"] = {str(place): name for place, name in enumerate(names)}
        config["label2id"] = {name: place for place, name in enumerate(names)}

    configured(run, reverse)
    made = waiting(tmp_path, "multilabel")
    made.attach(run)
    assert made.manifest.classes == template.manifest.classes[::-1]
    made.precompute()
    text = "a gorgeous film with dull music"
    ours, theirs = (each.explain(text, device="cpu").query.outputs for each in (template, made))
    assert list(theirs) == list(ours)[::-1]
    np.testing.assert_allclose(list(theirs.values()), list(ours.values()), rtol=1e-5)


def test_trainings_record_the_figures_of_the_task(trained):
    (run,) = list_runs(Folder.open(trained.path))
    details = trained.manifest.artifacts["checkpoints"].details
    for name, *_ in trained.task.figure_names:
        assert isinstance(details[f"eval_{name}"], float), run
    measured = {each.name: each.value for each in trained.measured() or ()}
    assert measured["map" if trained.space.task == "multilabel" else "mae"] == pytest.approx(
        details["eval_map" if trained.space.task == "multilabel" else "eval_mae"], rel=0.05
    )


def test_options_that_are_about_classes_are_refused(trained):
    for option in ("class_weights", "balanced_batches"):
        with pytest.raises(InputError, match="one class out of several only"):
            trained.planned_settings({option: True})
