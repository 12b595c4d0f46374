"""`retrain` in a small workspace: arms, reports, resuming, what stays untouched."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from backend.data.columns import Columns
from backend.data.examples import Examples
from backend.data.targets.class_space import ClassSpace
from backend.errors import InputError
from backend.files import digest
from backend.model.loading import load_classifier
from backend.trials import runner
from backend.trials.arm import Rows, Trial, same_rows
from backend.trials.kept import reports
from backend.trials.markdown import _class_table, cell, markdown
from backend.trials.original import original_run
from backend.trials.outcome import Outcome, read_outcome, write_outcome
from backend.trials.question import Asked
from backend.trials.report import report
from backend.trials.run import RetrainSettings
from backend.trials.runner import content_of
from backend.trials.strategies.decisions import CLEANED, RANDOM, UNTOUCHED
from backend.workspace import Workspace
from tests.conftest import SETTINGS, build_tiny, tiny_rows, without_model, write_rows
from tests.factories import tiny


def outcome(said: list[int], classes: int = 2) -> Outcome:
    """A training that predicts these classes on eval."""
    table = (
        np.full((len(said), classes), 0.1 / (classes - 1))
        + (0.9 - 0.1 / (classes - 1)) * np.eye(classes)[said]
    )
    return Outcome(table.astype(np.float32), np.empty((0, classes), np.float32), [{}], 1.0)


def small_report(
    runs: dict[str, list[list[int]]], truth: list[int], groups=None, notes=(), queries=(), measured=None
) -> dict:
    """The report of runs that predict these classes, arm by arm and seed by seed."""
    rows = Rows(np.empty(0, dtype=np.int64), np.empty(0, dtype=object))
    arms = tuple(same_rows(rows, name, "") for name in runs)
    return report(
        Trial("t", arms, np.arange(len(truth)) if measured is None else measured, notes=notes),
        {name: [outcome(each) for each in of_arm] for name, of_arm in runs.items()},
        seeds=range(len(next(iter(runs.values())))),
        ids=[f"e{each}" for each in range(len(truth))],
        targets=[("bad", "good")[each] for each in truth],
        space=ClassSpace(("bad", "good")),
        groups=groups,
        queries=queries,
    )


@pytest.fixture
def trainings(monkeypatch) -> list[int]:
    """Seeds of the trainings that were made."""
    made: list[int] = []
    real = runner.train

    def counted(*args, settings, **rest):
        made.append(settings.seed)
        return real(*args, settings=settings, **rest)

    monkeypatch.setattr(runner, "train", counted)
    return made


def files_of(workspace: Workspace) -> dict[str, int]:
    return {
        str(path.relative_to(workspace.path)): path.stat().st_mtime_ns
        for path in workspace.path.rglob("*")
        if path.is_file() and "retrains" not in path.parts and path.suffix != ".lock" and path.name != ".lock"
    }


def test_decisions_are_trained_beside_their_controls(tiny_workspace, trainings):
    workspace = tiny_workspace
    ids, query = workspace.train_split.ids, workspace.eval_split.ids[0]
    workspace.review.remove(*ids[:6])
    before = files_of(workspace)
    asked = (Asked(row=query), Asked(text="a witty film", label="good"))
    content = workspace.trials.run(RetrainSettings(seeds=2, asked=asked, device="cpu"))
    assert trainings == [0, 0, 0, 1, 1, 1, 1]  # the original run is the untouched arm of the first seed
    assert [each["name"] for each in content["arms"]] == [UNTOUCHED, CLEANED, RANDOM, "removal by loss"]
    untouched, cleaned = content["arms"][:2]
    assert "change" not in untouched and cleaned["verdict"].startswith("accuracy")
    assert {"accuracy", "macro_f1", "loss", "f1/bad", "f1/good"} <= set(cleaned["change"])
    first, second = content["queries"]
    assert first["id"] == query and first["label"] == workspace.eval_split.labels[0]
    assert set(second["probability"]) == {UNTOUCHED, CLEANED, RANDOM, "removal by loss"}
    assert all(0 <= each <= 1 for each in second["probability"][CLEANED]["seeds"])
    expected = content["forecast"]
    assert expected["removed"] == 6 and len(expected["queries"]) == 2
    assert expected["eval"]["measured"]["mean"] == cleaned["change"]["loss"]["mean"]
    chances = [second["probability"][name]["seeds"] for name in (UNTOUCHED, CLEANED)]
    measured = expected["queries"][1]["measured"]
    assert measured["seeds"] == pytest.approx(np.log(chances[0]) - np.log(chances[1]))
    assert measured["low"] < measured["mean"] < measured["high"]
    table = markdown(content).split("| forecast: 6 rows removed, 0 relabelled |")[1]
    for each in (expected["eval"], *expected["queries"]):
        assert f"| {each['loss_change']:+.2g} | {each['measured']['mean']:+.2g} (" in table
    assert "3 checkpoints are taken as evenly spaced over 3 epochs" in table
    assert files_of(workspace) == before
    (folder,) = reports(workspace.folder)
    assert json.loads((folder / "report.json").read_text()) == json.loads(json.dumps(content))
    assert (folder / "report.md").read_text().startswith("## decisions")
    assert load_classifier(content["models"][CLEANED]).config.num_labels == 2


def test_a_forecast_that_fails_costs_no_trainings(tiny_workspace, trainings, monkeypatch):
    def broken(*args, **rest):
        raise RuntimeError("no forecast")

    monkeypatch.setattr("backend.trials.run.forecast", broken)
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    with pytest.raises(RuntimeError, match="no forecast"):
        tiny_workspace.trials.run(RetrainSettings(seeds=1, device="cpu"))
    assert trainings == []


def test_the_untouched_arm_is_the_original_run(tiny_workspace):
    """Same rows, settings and seed: the predictions are those of the workspace's own last checkpoint."""
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    settings = RetrainSettings(seeds=1, device="cpu", arms=(UNTOUCHED,))
    content = tiny_workspace.trials.run(settings)
    own = tiny_workspace.predictions("eval")
    assert content["arms"][0]["figures"]["loss"]["mean"] == pytest.approx(own.loss.mean(), rel=1e-4)


def test_training_the_original_run_again_would_come_to_the_same(tiny_workspace, trainings, monkeypatch):
    """So that it is not trained again where it can be known to be the same; and it is where it can't."""
    workspace = tiny_workspace
    workspace.review.remove(workspace.train_split.ids[0])
    settings = RetrainSettings(seeds=1, device="cpu", arms=(UNTOUCHED,))
    known = workspace.trials.run(settings)
    assert trainings == []
    shutil.rmtree(workspace.folder.retrains)
    monkeypatch.setattr(runner.Runner, "_is_original", lambda *_: False)
    again = workspace.trials.run(settings)
    assert trainings == [0]
    figures = [content["arms"][0]["figures"]["loss"]["mean"] for content in (known, again)]
    assert figures[0] == pytest.approx(figures[1], rel=1e-5)


@pytest.mark.parametrize("change", ["appended", "epochs", "weights", "seed", "unrecorded"])
def test_what_is_not_the_original_run_is_trained(tmp_path, trainings, change):
    workspace = build_tiny(tmp_path / "t", n_train=16, n_eval=8)
    workspace.review.remove(workspace.train_split.ids[0])
    settings = RetrainSettings(seeds=1, device="cpu", arms=(UNTOUCHED,))
    assert original_run(workspace.folder, "cpu").trained is not None
    if change == "appended":
        source = tmp_path / "more.jsonl"
        source.write_text(json.dumps({"id": "new", "text": "a new one, quite good", "label": "good"}) + "\n")
        workspace.append(train=str(source))
    elif change == "epochs":
        settings = replace(settings, epochs=1.0)
    elif change == "weights":
        tiny("bert", tmp_path / "t" / "model", [row["text"] for row in tiny_rows(16)], seed=1)
    elif change == "seed":
        settings = replace(settings, seeds=2)
    else:
        manifest = workspace.manifest
        known = manifest.artifacts["checkpoints"]
        details = {name: each for name, each in known.details.items() if name != "start"}
        artifacts = {**manifest.artifacts, "checkpoints": known.model_copy(update={"details": details})}
        workspace.folder.write_manifest(manifest.model_copy(update={"artifacts": artifacts}))
    workspace.trials.run(settings)
    assert trainings == ([1] if change == "seed" else [0])


def test_what_was_trained_is_not_trained_again(tiny_workspace, trainings):
    workspace = tiny_workspace
    workspace.review.remove(*workspace.train_split.ids[:3])
    workspace.trials.run(RetrainSettings(seeds=1, device="cpu"))
    assert len(trainings) == 3
    workspace.trials.run(RetrainSettings(seeds=2, device="cpu"))
    assert trainings[3:] == [1] * 4
    workspace.review.remove(workspace.train_split.ids[4])
    workspace.trials.run(RetrainSettings(seeds=1, device="cpu"))
    assert len(trainings) == 7 + 3  # the untouched arm was there


def test_other_weights_in_the_same_folder_are_another_start(tmp_path, trainings):
    workspace = build_tiny(tmp_path / "t", n_train=16, n_eval=8)
    workspace.review.remove(workspace.train_split.ids[0])
    settings = RetrainSettings(seeds=1, epochs=1, device="cpu", arms=(UNTOUCHED,))
    workspace.trials.run(settings)
    workspace.trials.run(replace(settings, device="auto"))  # which is the CPU where there is nothing else
    assert len(trainings) == 1 + torch.cuda.is_available()
    tiny("bert", tmp_path / "t" / "model", [row["text"] for row in tiny_rows(16)], seed=1)
    workspace.trials.run(settings)
    assert len(trainings) == 2 + torch.cuda.is_available()


def test_leftovers_of_a_killed_call_are_swept_away(tiny_workspace):
    home = tiny_workspace.path / "retrains"
    leftovers = [home / ".run.a.tmp", home / "outcomes" / ".b.tmp", home / "models" / ".c.tmp"]
    for each in leftovers:
        each.mkdir(parents=True)
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    tiny_workspace.trials.run(RetrainSettings(seeds=1, epochs=0.1, device="cpu", arms=(UNTOUCHED,)))
    assert not any(each.exists() for each in leftovers)


def test_a_stopped_call_goes_on(tiny_workspace, trainings, monkeypatch):
    workspace = tiny_workspace
    workspace.review.remove(*workspace.train_split.ids[:3])
    real = runner.write_outcome
    written = []

    def stop(home, key, outcome):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(key)
        real(home, key, outcome)

    monkeypatch.setattr(runner, "write_outcome", stop)
    with pytest.raises(KeyboardInterrupt):
        workspace.trials.run(RetrainSettings(seeds=1, device="cpu"))
    monkeypatch.setattr(runner, "write_outcome", real)
    assert reports(workspace.folder) == []
    workspace.trials.run(RetrainSettings(seeds=1, device="cpu"))
    assert len(trainings) == 2 + 2
    assert not list((workspace.path / "retrains").glob(".*.tmp"))


def test_a_damaged_outcome_is_made_again(tmp_path):
    outcome = Outcome(np.ones((2, 2), np.float32), np.empty((0, 2), np.float32), [{"a": 1}], 2.0)
    write_outcome(tmp_path, "key", outcome)
    found = read_outcome(tmp_path, "key")
    assert found and found.logs == [{"a": 1}] and found.evaluation.tolist() == outcome.evaluation.tolist()
    path = tmp_path / "key.safetensors"
    path.write_bytes(path.read_bytes()[:20])
    assert read_outcome(tmp_path, "key") is None
    write_outcome(tmp_path, "key", outcome)
    (tmp_path / "key.json").write_text("[]")
    assert read_outcome(tmp_path, "key") is None
    assert read_outcome(tmp_path, "other") is None


def test_two_at_once_are_refused(tiny_workspace):
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    home = tiny_workspace.path / "retrains"
    (home / "outcomes").mkdir(parents=True)
    with FileLock(home / ".lock"), pytest.raises(InputError, match="another retraining is running"):
        tiny_workspace.trials.run(RetrainSettings(seeds=1, device="cpu"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": "magic"}, "--strategy magic: must be one of decisions, mask"),
        ({"options": {"eta": "1"}}, "--set: strategy decisions has no options"),
        ({"strategy": "dga", "options": {"magic": "1"}}, "--set magic=...: strategy dga has no such option"),
        ({"strategy": "dga", "options": {"eta": "much"}}, "--set eta=much: must be a number"),
        ({"strategy": "dga", "options": {"eta": "nan"}}, "--set eta=nan: must be a number"),
        ({"strategy": "dga", "guide": 1.5}, "--guide 1.5"),
        ({"strategy": "prune", "guide": 0.5, "options": {"way": "magic"}}, "--set way=magic: must be one of"),
        ({"strategy": "mask", "guide": 0.1}, "--guide 0.1: of 20 eval rows"),
        ({"strategy": "prune", "guide": 0.5, "options": {"score": "magic"}}, "--set score=magic: unknown"),
        ({"strategy": "prune", "guide": 0.5}, "score el2n is not computed|no scores yet"),
        ({"strategy": "select", "guide": 0.5, "options": {"fractions": "2"}}, "--set fractions=2"),
        (
            {"arms": ("magic",)},
            "--arm magic: the arms of trial decisions are untouched, cleaned, random",
        ),
        ({"asked": (Asked(row="magic"),)}, "row 'magic' is not in eval"),
        ({"asked": (Asked(text="a film"),)}, "--text needs --label"),
        ({"asked": (Asked(text="a film", label="magic"),)}, "unknown; the classes are"),
        ({"asked": (Asked(text="a film", text_b="b", label="good"),)}, "has no second text"),
    ],
)
def test_wrong_input_is_one_line_and_trains_nothing(tiny_workspace, trainings, settings, message):
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    with pytest.raises(InputError, match=message):
        tiny_workspace.trials.run(RetrainSettings(device="cpu", seeds=1, **settings))
    assert trainings == [] and reports(tiny_workspace.folder) == []


def test_an_attached_run_needs_its_start_model(tmp_path, tiny_template):
    run = Workspace.open(tiny_template)
    workspace = without_model(tmp_path, 40)
    workspace.attach(run.folder.checkpoints, classes=["bad", "good"])
    workspace.review.remove(workspace.train_split.ids[0])
    with pytest.raises(InputError, match="name it with --start-model"):
        workspace.trials.run(RetrainSettings(seeds=1, device="cpu"))
    settings = RetrainSettings(
        seeds=1, device="cpu", epochs=1, start_model=run.manifest.model.name, arms=(CLEANED,)
    )
    content = workspace.trials.run(settings)
    assert [each["name"] for each in content["arms"]] == [UNTOUCHED, CLEANED]
    assert content["forecast"] is None  # nothing was precomputed


@pytest.mark.parametrize("strategy", ["mask", "dga", "prune", "reweight", "select"])
def test_every_strategy_trains_and_reports(tmp_path, strategy):
    made = tmp_path / "t"
    workspace = _erring(made) if strategy == "reweight" else build_tiny(made, n_train=60, n_eval=60)
    options = {}
    if strategy in ("prune", "select"):
        options["fractions"] = "0.5"
    if strategy == "prune":
        workspace.scores.compute(["el2n"])
    settings = RetrainSettings(seeds=1, strategy=strategy, options=options, guide=0.5, device="cpu")
    cost = workspace.trials.plan(settings)
    content = workspace.trials.run(settings)
    assert content["trial"] == strategy and len(content["arms"]) >= 3
    assert list(cost.arms) == [arm["name"] for arm in content["arms"]]
    measured = 60 if strategy == "prune" else 30
    assert content["eval_rows"] == measured
    for arm in content["arms"][1:]:
        assert "accuracy" in arm["change"]
    text = markdown(content)
    assert all(cell(arm["name"]) in text for arm in content["arms"])
    logs = {arm["name"]: arm["logs"][0][0] for arm in content["arms"]}
    if strategy == "mask":
        assert set(logs["masked"]["masked_by_class"]) == {"bad", "good"}
    if strategy == "dga":
        assert sum(logs["aligned"]["weights"].values()) == pytest.approx(1)


def _erring(folder: Path) -> Workspace:
    """As `build_tiny`, but half of the eval rows have the other label, so that the model gets them wrong."""
    flip = {"good": "bad", "bad": "good"}
    rows = [
        {**row, "id": f"e{row['id']}", "label": flip[row["label"]] if number % 2 else row["label"]}
        for number, row in enumerate(tiny_rows(60, 1000))
    ]
    folder.mkdir()
    workspace, _ = Workspace.create(
        folder / "ws",
        train=str(write_rows(folder / "train.jsonl", tiny_rows(60))),
        eval=str(write_rows(folder / "eval.jsonl", rows)),
        columns=Columns(text="text", label="label", id="id"),
        model=str(tiny("bert", folder / "model", [row["text"] for row in tiny_rows(60)])),
    )
    workspace.train(SETTINGS)
    workspace.precompute()
    return workspace


def test_texts_of_a_data_set_do_no_harm_in_markdown():
    assert cell("a|b\n# *c* <script>`") == "a\\|b \\# \\*c\\* \\<script\\>\\`"


def test_the_report_says_where_nothing_was_learnt():
    learnt, not_learnt = [0, 0, 1, 1], [1, 1, 1, 1]
    found = small_report({"all": [learnt] * 3, "some": [learnt, not_learnt, learnt]}, [0, 0, 1, 1])
    assert found["notes"] == ["some trainings say one class for every row (some): these figures mean little"]
    assert small_report({"all": [learnt] * 3}, [0, 0, 1, 1])["notes"] == []


def test_only_the_largest_groups_are_columns():
    groups = [f"g{each}" for each in range(25) for _ in range(each + 1)]
    right = [each % 2 for each in range(len(groups))]
    found = small_report({"all": [right] * 3, "some": [right] * 3}, right, groups)
    assert found["groups"]["g24"] == 25 and len(found["groups"]) == 25
    text = markdown(found)
    assert "| g24 |" in text and "g4 |" not in text and "g5 |" in text
    assert "5 smaller groups (15 rows) are in report.json only" in text


def test_of_many_classes_those_that_change_most_are_columns():
    arms = [
        {"name": name, "figures": {f"f1/c{each}": {"mean": 0.5} for each in range(25)}, "change": change}
        for name, change in (
            ("all", {}),
            ("some", {f"f1/c{each}": {"mean": each / 100, "beyond_noise": False} for each in range(25)}),
        )
    ]
    lines = _class_table({"arms": arms})
    assert " c24 |" in lines[1] and " c5 |" in lines[1] and " c4 |" not in lines[1]
    assert lines[-1] == "5 classes that change less are in report.json only."


def test_a_query_out_of_the_guide_is_marked():
    queries = [
        {"label": "bad", "row": row, "typed": None, "id": f"e{row}", "text": "a film"} for row in (0, 2)
    ]
    runs = {"all": [[0, 1, 0, 1]] * 3, "guided": [[0, 1, 0, 1]] * 3}
    found = small_report(runs, [0, 1, 0, 1], queries=queries, measured=np.array([0, 1]))
    assert [each["in_guide"] for each in found["queries"]] == [False, True]
    (note,) = found["notes"]
    assert "in the guide that methods follow or train on (e2)" in note
    assert markdown(found).count("a film (in the guide)") == 1
    assert not any(each["in_guide"] for each in small_report(runs, [0, 1, 0, 1], queries=queries)["queries"])


def test_notes_do_no_harm_in_markdown():
    found = small_report({"all": [[0, 1]] * 3}, [0, 1], notes=("source *x*|<b>\n# y",))
    assert "- source \\*x\\*\\|\\<b\\> \\# y\n" in markdown(found)


def test_the_report_says_what_it_was_made_with(tiny_workspace):
    tiny_workspace.review.remove(*tiny_workspace.train_split.ids[:3])
    content = tiny_workspace.trials.run(RetrainSettings(seeds=1, epochs=0.1, device="cpu"))
    notes = " ".join(content["notes"])
    assert "0.1 epochs, the original for 3" in notes and "1 seed:" in notes
    assert content["arms"][0]["figures"]["accuracy"]["sd"] is None
    assert (
        "one seed, so chance" in content["arms"][1]["verdict"]
        or "same accuracy" in content["arms"][1]["verdict"]
    )


def test_reports_are_read_by_name(tiny_workspace):
    workspace = tiny_workspace
    workspace.review.remove(*workspace.train_split.ids[:3])
    content = workspace.trials.run(RetrainSettings(seeds=1, device="cpu", arms=(UNTOUCHED,)))
    (name,) = workspace.trials.reports()
    assert workspace.trials.report(name) == json.loads(json.dumps(content))
    assert content["decisions"] == workspace.trials.decisions_record()
    for wrong in ("other", "../retrains/" + name, "."):
        with pytest.raises(InputError, match="there is none of this name"):
            workspace.trials.report(wrong)
    (workspace.path / "retrains" / name / "report.json").write_text("[]")
    with pytest.raises(InputError, match="damaged"):
        workspace.trials.report(name)


def test_typed_texts_have_the_key_that_kept_outcomes_were_stored_under():
    """Digests of the records that held them until 2026-11-29: other ones would orphan what was trained."""
    keys = [digest(content_of(each)) for each in (Examples.of([]), Examples.of(["a", "b"], ["c", "d"]))]
    old = [{"texts": (), "texts_b": None}, {"texts": ("a", "b"), "texts_b": ("c", "d")}]
    assert keys == [digest(each) for each in old] == ["176fbc04114f6272", "ac71cc6b71b4adc1"]
