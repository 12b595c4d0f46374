"""Scores, queue, words, sources and influence where targets are label sets or numbers."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from backend.data.columns import Columns
from backend.errors import InputError
from backend.everything import plan
from backend.manifest import TaskName
from backend.model.loading import load_classifier, load_tokenizer
from backend.model.prediction import logits
from backend.model.tokenization import encode
from backend.queue.queue import QueueFilter
from backend.queue.row import row_scores
from backend.scores.dynamics import load_dynamics
from backend.scores.label_noise import current_estimate
from backend.scores.ranks import rank_of
from backend.scores.registry import all_producers, all_scores, producer_of, producers_for, scores_for
from backend.scores.settings import ScoreSettings
from backend.tasks.registry import all_tasks, task_named
from backend.workspace import Workspace
from tests.conftest import write_rows
from tests.tiny_tasks import SETTINGS, number_columns, number_rows, set_columns, set_rows, task_workspace

TASKS: tuple[TaskName, ...] = ("multilabel", "regression")


@pytest.fixture(scope="module", params=TASKS)
def scored(request, tmp_path_factory) -> Workspace:
    """A workspace of each task with all of its scores; read it, never change it."""
    template = request.getfixturevalue(f"{request.param}_template")
    workspace = Workspace.open(shutil.copytree(template, tmp_path_factory.mktemp(request.param) / "ws"))
    workspace.compute_influence()
    settings = ScoreSettings(device="cpu", encoder=workspace.manifest.model.name)
    assert workspace.scores.compute((), settings, everything=True) == []
    return workspace


# -- which scores there are -----------------------------------------------------------------------


@pytest.mark.parametrize("task", list(all_tasks()))
def test_a_task_has_its_own_scores(task):
    names = set(scores_for(task))
    assert names == {
        each.name for producer in producers_for(task).values() for each in producer.scores_for(task)
    }
    assert all(producer.scores_for(task) for producer in producers_for(task).values())
    assert {"near_duplicates", "contradiction", "mean_loss"} <= names
    assert task == "causal-lm" or {"alignment", "grand"} <= names


def test_scores_of_classes_are_those_of_classification_alone():
    of_classes = {"confidence", "pvi", "wrong_label", "self_confidence", "vog", "token_association"}
    assert of_classes <= set(scores_for("classification"))
    assert not of_classes & {*scores_for("multilabel"), *scores_for("regression")}
    assert set(all_scores()) == {name for task in all_tasks() for name in scores_for(task)}
    assert set(all_producers()) == {name for task in all_tasks() for name in producers_for(task)}


@pytest.mark.parametrize("name", ["dynamics", "mean_loss", "confidence", "pvi", "nonsense"])
def test_what_another_task_has_is_refused(name):
    if name in ("dynamics", "mean_loss"):
        assert producer_of(name, "multilabel").name == "dynamics"
        return
    why = "no such score" if name == "nonsense" else "made for classification; this workspace is multilabel"
    with pytest.raises(InputError, match=f"--only {name}: {why}; there are .*label_sets"):
        producer_of(name, "multilabel")


# -- what they say --------------------------------------------------------------------------------


def test_every_score_of_the_task_is_there_and_says_something(scored):
    task, table = scored.manifest.task.name, scored.scores.table()
    assert set(scores_for(task)) <= set(table.names)
    assert not set(table.names) & (set(all_scores()) - set(scores_for(task)))
    for name in scores_for(task):
        values = table.values(name)
        assert np.isfinite(values).any(), name
    for place in range(len(scored.train_split)):
        for each in row_scores(table, scored.train_split.strata, place):
            assert "{" not in each.sentence and "among the" not in each.sentence[:30]


def test_the_mean_loss_is_that_of_the_task(scored, tmp_path):
    """As logged, and as the checkpoints say it where nothing was: against losses of logits made anew."""
    task, targets = task_named(scored.manifest.task.name), scored.space.numbers(scored.train_split.labels)
    path = scored.folder.checkpoint_path(scored.manifest.checkpoints[-1])
    tokenizer, texts = load_tokenizer(path), scored.train_split.examples
    found = logits(load_classifier(path), encode(tokenizer, texts, 128), tokenizer)
    losses = task.losses(torch.from_numpy(found), torch.from_numpy(targets)).numpy()
    copy = Workspace.open(shutil.copytree(scored.path, tmp_path / "ws"))
    copy.folder.forget("dynamics")
    for workspace in (scored, copy):
        (run,) = load_dynamics(workspace.folder)
        assert list(run.values) == ["loss"]
        np.testing.assert_allclose(run.values["loss"][-1], losses, rtol=1e-3, atol=1e-5)
    (run,) = load_dynamics(scored.folder)
    looks = run.values["loss"].astype(np.float64)
    assert len(looks) == 4 and np.abs(looks[0] - looks[-1]).max() > 1e-3
    by_hand = [sum(row) / 4 for row in looks.T.tolist()]
    np.testing.assert_allclose(scored.scores.table().values("mean_loss"), by_hand, rtol=1e-5)


def test_gradient_norms_and_alignment_are_those_of_the_tasks_loss(scored):
    """One row at a time, by autograd over all weights."""
    task, table = task_named(scored.manifest.task.name), scored.scores.table()
    rows, clean = [0, 7, 23], scored.eval_split
    aligned = np.array(table.table["alignments"].to_pylist())
    for number, each in enumerate(scored.manifest.checkpoints):
        path = scored.folder.checkpoint_path(each)
        model, tokenizer = load_classifier(path, attention="eager"), load_tokenizer(path)

        def gradient(text, target, model=model, tokenizer=tokenizer):
            model.zero_grad(set_to_none=True)
            logits = model(**tokenizer(text, return_tensors="pt")).logits
            task.losses(logits, torch.from_numpy(scored.space.numbers([target]))).sum().backward()
            return {name: p.grad.double() for name, p in model.named_parameters() if p.grad is not None}

        parts = [gradient(text, target) for text, target in zip(clean.texts, clean.labels, strict=True)]
        mean = {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}
        for row in rows:
            own = gradient(scored.train_split.texts[row], scored.train_split.labels[row])
            product = sum(float((part * mean[name]).sum()) for name, part in own.items())
            assert aligned[row, number] == pytest.approx(product, rel=1e-3, abs=1e-5 * np.abs(aligned).max())


def test_the_queue_is_ordered_by_what_does_not_fit(scored):
    first = "wrong_set" if scored.manifest.task.name == "multilabel" else "wrong_number"
    table = scored.scores.table()
    expected = rank_of(table.values(first))
    np.testing.assert_allclose(table.values("suspicion"), expected)
    assert [each.suspicion for each in scored.queue()] == sorted(expected, reverse=True)


def test_what_is_suggested_can_be_decided(scored):
    workspace = Workspace.open(scored.path)
    items = [each for each in workspace.scores.queue() if each.action == "relabel"]
    assert items
    for each in items:
        assert workspace.space.read(each.suggested_label) == each.suggested_label != each.label
        assert each.confidence >= 0.5


def test_nothing_is_said_of_the_number_of_wrong_labels(scored):
    assert scored.label_noise() is None and current_estimate(scored.folder) is None


def test_a_label_is_looked_for_in_sets(multilabel_workspace):
    multilabel_workspace.scores.compute(["dynamics"])
    train, wanted = multilabel_workspace.train_split, QueueFilter(label="plot", state="all")
    plot = {row for row, target in zip(train.ids, train.labels, strict=True) if "plot" in target.split("; ")}
    assert set(multilabel_workspace.scores.queue(wanted).ids) == plot
    other = next(row for row in train.ids if row not in plot)
    multilabel_workspace.review.relabel(other, "music; plot")
    gone = sorted(plot)[0]
    multilabel_workspace.review.relabel(gone, "(none)")
    assert set(multilabel_workspace.scores.queue(wanted).ids) == {*plot, other}
    sets = multilabel_workspace.scores.queue(QueueFilter(label="(none)", state="all")).ids
    assert set(sets) == {gone, *(r for r, t in zip(train.ids, train.labels, strict=True) if t == "(none)")}
    with pytest.raises(InputError, match="--label unknown: no training row has this label"):
        multilabel_workspace.scores.queue(QueueFilter(label="unknown"))


def test_a_queue_that_no_score_serves_is_refused(scored):
    with pytest.raises(InputError, match=r"--serves hard: no score of .* serves it; there are suspect label"):
        scored.queue(QueueFilter(serves="hard"))


def test_all_steps_are_planned_by_what_the_task_has(scored):
    steps = {step.name: step for step in plan(scored)}
    assert steps["scores"].state == "current" and steps["scores"].why is None


def test_numbers_that_nothing_explains_get_no_value(tmp_path):
    rows = [{**row, "label": float(number % 7)} for number, row in enumerate(number_rows(40))]
    rows = [{**row, "text": f"plain words {number * 7919 % 31}"} for number, row in enumerate(rows)]
    workspace = task_workspace(tmp_path, rows, number_rows(12, 100), number_columns(), 1)
    workspace.scores.compute(["numbers"], ScoreSettings(device="cpu", encoder=workspace.manifest.model.name))
    assert np.isnan(workspace.scores.table().values("wrong_number")).all()
    assert {each.suggested_label for each in workspace.scores.queue()} == {None}


def test_numbers_that_are_all_different_can_be_held_out(tmp_path):
    rows = [{**row, "label": row["label"] + number / 1000} for number, row in enumerate(number_rows(30))]
    workspace = task_workspace(tmp_path, rows, number_rows(12, 100), number_columns(), 1)
    assert len(set(workspace.train_split.labels)) == 30
    settings = ScoreSettings(device="cpu", encoder=workspace.manifest.model.name)
    assert producers_for("regression")["numbers"].why_not(workspace.folder, settings) is None
    assert workspace.scores.compute(["numbers"], settings) == []


def test_equal_texts_with_other_numbers_contradict_from_half_a_deviation(tmp_path):
    train = number_rows(30)
    spread = float(np.std([row["label"] for row in train]))
    evaluation = [{**train[row], "id": f"e{row}"} for row in range(12)]
    evaluation[0]["label"] += 0.4 * spread
    evaluation[1]["label"] += 0.6 * spread
    workspace = task_workspace(tmp_path, train, evaluation, number_columns(), 1)
    workspace.scores.compute(["across_splits"])
    assert np.flatnonzero(workspace.scores.table().values("contradicted_in_eval")).tolist() == [1]


def test_a_file_is_the_target_of_label_sets(multilabel_workspace, tmp_path):
    target = tmp_path / "target.jsonl"
    settings = ScoreSettings(device="cpu", target=str(target))
    write_rows(target, [*set_rows(12, 500), {"id": "x", "text": "some text", "labels": ["unknown"]}])
    with pytest.raises(InputError, match=r"line 13, .*'unknown' does not occur in train"):
        multilabel_workspace.scores.compute(["contrastive"], settings)
    write_rows(target, set_rows(12, 500))
    assert multilabel_workspace.scores.compute(["contrastive"], settings) == []
    assert np.isfinite(multilabel_workspace.scores.table().values("contrastive")).all()


# -- words and sources ----------------------------------------------------------------------------


def test_words_of_a_row_add_up(scored):
    workspace = Workspace.open(scored.path)
    settings = ScoreSettings(device="cpu")
    for found in (workspace.audit.row_words("r3"), workspace.audit.row_alignment("r3", settings)):
        assert sum(each.score for each in found.words) + found.special == pytest.approx(found.score)
    train = workspace.influence().train.to_pylist()
    assert workspace.audit.row_words("r3").score == pytest.approx(train[3]["errors"], rel=1e-3)


def test_words_go_with_labels_or_with_high_and_low(scored):
    workspace = Workspace.open(scored.path)
    workspace.audit.compute_words()
    labels = {each["z_label"] for each in workspace.audit.words().to_pylist()} - {None}
    of_task = set(scored.manifest.classes) if scored.manifest.task.name == "multilabel" else {"high", "low"}
    assert labels and labels <= of_task


def test_sources_are_groups_alone(tmp_path):
    for columns, rows, outputs in ((set_columns(), set_rows, 4), (number_columns(), number_rows, 1)):
        workspace = task_workspace(tmp_path / columns.task, rows(20), rows(12, 100), columns, outputs)
        with pytest.raises(InputError, match=f"sources: rows of a {columns.task} workspace have no class"):
            workspace.audit.compute_sources()


def test_a_task_that_is_defined_elsewhere_has_the_scores_of_every_task(tmp_path):
    import docs.add_a_task as example

    assert example.Counts.name in all_tasks()
    train, evaluation = ([{**row, "label": round(row["label"])} for row in rows] for rows in _counts())
    columns = Columns(text="text", label="label", id="id", task="counts")
    workspace = task_workspace(tmp_path, train, evaluation, columns, 1)
    workspace.train(SETTINGS)
    workspace.precompute()
    workspace.compute_influence()
    settings = ScoreSettings(device="cpu", encoder=workspace.manifest.model.name)
    assert workspace.scores.compute((), settings) == []
    cheap = [each for each in producers_for("counts").values() if each.default]
    made = {score.name for each in cheap for score in each.scores_for("counts")}
    assert (
        {"mean_loss", "contradiction", "influence_on_errors"} <= made <= set(workspace.scores.table().names)
    )
    assert len(workspace.scores.queue()) == len(train)
    assert {step.name: step.state for step in plan(workspace)}["scores"] == "current"


def _counts() -> tuple[list[dict], list[dict]]:
    return number_rows(40), [{**row, "id": f"e{row['id']}"} for row in number_rows(15, 1000)]


# -- command line ---------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_from_scores_to_a_queue_on_the_command_line(task, request, inside, tmp_path):
    workspace = request.getfixturevalue(f"{task}_workspace")
    path, encoder = workspace.path, workspace.manifest.model.name
    assert "on errors" in inside("influence", path).stdout
    listed = json.loads(inside("scores", path, "--encoder", encoder, "--json").stdout)
    assert listed["left_out"] == [] and {each["score"] for each in listed["scores"]} == set(scores_for(task))
    refused = inside("scores", path, "--only", "pvi", check=False)
    assert refused.returncode == 2 and "made for classification" in refused.stderr
    probe = "label_sets" if task == "multilabel" else "numbers"
    refused = inside("scores", path, "--crossfit", "finetune", "--only", probe, check=False)
    assert refused.returncode == 2 and "--crossfit finetune: made for classification" in refused.stderr
    items = json.loads(inside("queue", path, "--json", "--most", "60").stdout)
    assert [each["rank"] for each in items] == list(range(1, 61))
    out = tmp_path / "queue.parquet"
    inside("queue", path, "--out", out)
    assert pq.read_table(out)["id"].to_pylist() == [each["id"] for each in items]
    assert items[0]["id"] in inside("queue", path, "--most", "3").stdout
    assert "worst rows" in inside("words", path).stdout
    assert "all" in inside("words", path, "--row", "r3").stdout
    assert "weight of one step" in inside("sources", path).stdout
