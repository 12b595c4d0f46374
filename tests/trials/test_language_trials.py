"""`retrain` on language models: what follows from removing or correcting a wrong answer, and the report."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.errors import InputError
from backend.influence.answers.about_answer import AboutAnswer
from backend.model.training_settings import TrainingSettings
from backend.trials.arm import Rows
from backend.trials.markdown import markdown
from backend.trials.question import Asked
from backend.trials.run import RetrainSettings
from backend.trials.strategies.decisions import decisions_trial
from backend.workspace import Workspace
from tests.language_workspace import created

SETTINGS = TrainingSettings(
    epochs=15,
    lr=1e-2,
    batch_size=8,
    max_length=64,
    warmup=0.1,
    dynamics=False,
    checkpoints=1,
    precision="fp32",
    device="cpu",
)
BIRTH = AboutAnswer(
    prompt="Where was Ada Morel born?",
    answer="Ada Morel was born in Lisbon.",
    marks=((22, 28),),
    instead="Delhi",
)
ASKED = (Asked(about=BIRTH), Asked(row="e2"))


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    workspace = created(tmp_path_factory.mktemp("language"))
    workspace.train(SETTINGS)
    return workspace.path


@pytest.fixture(scope="module")
def reports(template) -> tuple[dict, dict]:
    """Of the row that contradicts the others removed, and corrected."""
    settings = RetrainSettings(asked=ASKED, answers=2, device="cpu")
    workspace = Workspace.open(template)
    workspace.remove("wrong")
    removed = workspace.trials.run(settings)
    workspace.review.undo()
    workspace.review.correct("wrong", "Ada Morel was born in Lisbon.")
    corrected = workspace.trials.run(settings)
    workspace.review.undo()
    return removed, corrected


def losses(report: dict, query: int, arm: str) -> np.ndarray:
    return np.array(report["queries"][query]["loss"][arm]["seeds"])


@pytest.mark.parametrize("which", [0, 1])
def test_the_right_words_gain_where_the_wrong_row_goes_and_not_where_others_go(reports, which):
    report = reports[which]
    right, wrong = 0, 1
    assert [report["queries"][each]["label"] for each in (right, wrong)] == ["Lisbon", "Delhi"]
    before = losses(report, right, "untouched")
    assert (losses(report, right, "cleaned") < before).all()
    gained = before - losses(report, right, "cleaned")
    assert (before - losses(report, right, "random decisions")).mean() < gained.mean() / 2
    assert (losses(report, wrong, "cleaned") - losses(report, wrong, "untouched") > 5).all()
    assert abs((losses(report, wrong, "random decisions") - losses(report, wrong, "untouched")).mean()) < 1


def test_only_what_differs_is_trained(reports):
    removed, corrected = reports
    for arm in (0, 2):  # one row at random is removed either way
        assert corrected["arms"][arm]["seconds"] == removed["arms"][arm]["seconds"]
    assert losses(corrected, 0, "cleaned").tolist() != losses(removed, 0, "cleaned").tolist()


def test_the_report_says_what_there_is(reports):
    report = reports[0]
    assert report["task"] == "causal-lm" and report["forecast"] is None
    names = ["loss_per_token", "perplexity", "exact", "chrf"]
    assert [each["name"] for each in report["shown"]] == names
    assert set(names) <= set(report["arms"][1]["change"])
    assert report["arms"][1]["rows"] is None
    assert report["decisions"]["removed"] == 1 and report["arms"][1]["description"].startswith(
        "1 row removed"
    )
    words = report["queries"][0]
    assert words["probability"]["cleaned"]["seeds"] == pytest.approx(np.exp(-losses(report, 0, "cleaned")))
    assert words["marks"] == [[22, 28]] and report["queries"][1]["marks"] == [[22, 27]]
    of_row = report["queries"][2]
    assert of_row["id"] == "e2" and of_row["label"] == "Ben Ota was born in Oslo."
    json.dumps(report, allow_nan=False)


def test_answers_stand_side_by_side(reports):
    report = reports[0]
    asked, of_row, *judged = report["answers"]
    assert asked["prompt"] == "Where was Ada Morel born?" and asked["expected"] is None
    assert of_row["prompt"] == "Where is Ben Ota from?"
    assert {each["id"] for each in judged} == {"e1", "e2"} and report["answers_judged"] == 2
    for each in report["answers"]:
        assert list(each["written"]) == [arm["name"] for arm in report["arms"]]
        assert all(len(texts) == 3 for texts in each["written"].values())
    assert asked["written"]["cleaned"] == ["Ada Morel was born in Lisbon."] * 3
    exact = [np.mean([each["exact"][arm] for each in judged]) for arm in ("untouched", "cleaned")]
    found = [arm["figures"]["exact"]["mean"] for arm in report["arms"][:2]]
    assert found == pytest.approx(exact)
    text = markdown(report)
    assert (
        "| answers, of each seed | expected | untouched |" in text and "Ada Morel was born in Lisbon." in text
    )
    assert "probability (loss in nats) of the words" in text and "perplexity, low is good" in text
    assert "removal by loss" not in text and "forecast" not in text  # nothing is precomputed
    assert all(line.count("|") > 2 for line in text.splitlines() if line.startswith("|"))


def test_the_untouched_arm_is_the_run_itself(template):
    workspace = Workspace.open(template)
    workspace.remove("q5")
    report = workspace.trials.run(RetrainSettings(seeds=1, answers=0, arms=("untouched",), device="cpu"))
    workspace.review.undo()
    own = workspace.manifest.artifacts["checkpoints"].details["eval_loss_per_token"]
    assert report["arms"][0]["figures"]["loss_per_token"]["mean"] == pytest.approx(own, abs=1e-4)
    assert "answers" not in report


def test_adapters_are_trained_where_the_run_trained_them(tmp_path):
    workspace = created(tmp_path)
    workspace.train(replace(SETTINGS, epochs=2, rank=4))
    workspace.remove("wrong")
    asked = (Asked(about=BIRTH),)
    report = workspace.trials.run(RetrainSettings(seeds=1, asked=asked, answers=1, device="cpu"))
    own = workspace.manifest.artifacts["checkpoints"].details["eval_loss_per_token"]
    assert report["arms"][0]["figures"]["loss_per_token"]["mean"] == pytest.approx(own, abs=1e-4)
    (kept,) = report["models"].values()
    files = {each.name for each in Path(kept).iterdir()}
    assert "adapter_model.safetensors" in files and not any(each.startswith("model") for each in files)
    assert json.loads((Path(kept) / "adapter_config.json").read_text())["r"] == 4


def test_an_attached_run_of_adapters_is_trained_by_adapters_of_its_rank(tmp_path):
    for name in ("run", "attached"):
        (tmp_path / name).mkdir()
    run = created(tmp_path / "run")
    found = run.train(replace(SETTINGS, epochs=2, rank=4)).run
    workspace = created(tmp_path / "attached")
    workspace.attach(str(found))
    workspace = Workspace.open(workspace.path)
    workspace.remove("wrong")
    report = workspace.trials.run(RetrainSettings(seeds=1, epochs=1, answers=0, device="cpu"))
    assert any("the run trained adapters of rank 4; here" in each for each in report["notes"])
    (kept,) = report["models"].values()
    assert json.loads((Path(kept) / "adapter_config.json").read_text())["r"] == 4


# -- decisions ---------------------------------------------------------------------------------------


def test_corrected_targets_are_those_that_arms_train_on(template):
    """Dropped turns and masked words come through the target; the control removes as many of that length."""
    workspace = Workspace.open(template)
    train = workspace.train_split
    workspace.remove("Ben-0")
    workspace.review.correct("wrong", "Ada Morel was born in Lisbon.")
    workspace.review.correct("q1", mask=(11, 17))
    states = workspace.review.states()
    for _ in range(3):
        workspace.review.undo()
    trial = decisions_trial(train, 2, workspace.space, states, np.arange(len(train), dtype=float))
    assert [arm.name for arm in trial.arms] == ["untouched", "cleaned", "random decisions", "removal by loss"]
    untouched, cleaned, random, by_loss = (arm.phases(0)[0].rows for arm in trial.arms)
    assert untouched.targets.tolist() == train.labels
    ids = [train.ids[each] for each in cleaned.train]
    assert "Ben-0" not in ids and len(ids) == len(train) - 1
    now = dict(zip(ids, cleaned.targets, strict=True))
    assert now["wrong"] == "Ada Morel was born in Lisbon." and json.loads(now["q1"])["masked"] == {
        "1": [[11, 17]]
    }
    strata = workspace.space.strata(train.labels)
    given = dict(zip(train.ids, train.labels, strict=True))
    gone = np.setdiff1d(np.arange(len(train)), random.train)
    decided = [train.position(each) for each in ("Ben-0", "wrong", "q1")]
    assert sorted(strata[gone]) == sorted(strata[decided])
    assert all(
        given[train.ids[each]] == said for each, said in zip(random.train, random.targets, strict=True)
    )
    assert len(by_loss.train) == len(train) - 1
    marks = {
        rows.mark(workspace.space)
        for rows in (untouched, Rows(untouched.train, np.array(train.labels[::-1])))
    }
    assert len(marks) == 2


def test_something_must_be_left(template):
    workspace = Workspace.open(template)
    workspace.remove(*workspace.train_split.ids)
    states = workspace.review.states()
    workspace.review.undo()
    with pytest.raises(InputError, match="leave no training row; keep some"):
        decisions_trial(workspace.train_split, 2, workspace.space, states, None)


# -- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--text", "a film"), "this workspace explains a language model"),
        (("--row", "e1", "--label", "Lisbon"), "a language model has no classes"),
        (("--row", "wrong", "--mark", "0:3"), "no such id in eval"),
        (("--prompt", "Where?", "--answer", "Oslo.", "--mark", "3:9"), "the answer has 5 characters"),
        (("--prompt", "Where?", "--mark", "0:3"), "the answer is empty"),
        (("--prompt", " "), "say what to explain"),
        (("--prompt", "Where?", "--answer", "x " * 200, "--mark", "390:395"), "the model reads no token of"),
        (("--answers", "-1"), "--answers -1: must be between 0 and 10,000"),
        (
            ("--strategy", "mask"),
            "serves every other task, not causal-lm; for causal-lm there are decisions, prune",
        ),
        (("--strategy", "reweight", "--plan"), "not causal-lm"),
        (("--strategy", "prune"), "run `python -m backend scores"),
    ],
)
def test_wrong_questions_are_refused_in_a_line(template, inside, options, said):
    workspace = Workspace.open(template)
    workspace.remove("wrong")
    before = sorted(str(each) for each in (template / "retrains").rglob("*"))
    refused = inside("retrain", template, *options, "--seeds", 1, check=False)
    workspace.review.undo()
    assert refused.returncode == 2 and said in refused.stderr, refused.stderr
    assert refused.stderr.count("error:") == 1 and refused.stderr.strip().count("\n") <= 1  # and the cost
    assert sorted(str(each) for each in (template / "retrains").rglob("*")) == before


def test_forecasts_are_refused(template, inside):
    refused = inside("forecast", template, check=False)
    assert refused.returncode == 2 and "forecast: not for language models" in refused.stderr
    assert refused.stderr.strip().count("\n") == 0


def test_classifiers_are_not_asked_for_answers(tiny_workspace, inside):
    tiny_workspace.remove(tiny_workspace.train_split.ids[0])
    for options in (("--answers", "3"), ("--prompt", "Where?", "--answer", "Here.")):
        refused = inside("retrain", tiny_workspace.path, *options, check=False)
        assert refused.returncode == 2 and "ask a language model" in refused.stderr


def test_the_command_says_it_all(template, inside):
    workspace = Workspace.open(template)
    workspace.remove("wrong")
    asked = ("--prompt", BIRTH.prompt, "--answer", BIRTH.answer, "--mark", "22:28", "--answers", 1)
    done = inside("retrain", template, "--seeds", 1, "--arm", "cleaned", *asked, "--json")
    workspace.review.undo()
    report = json.loads(done.stdout)
    assert [each["label"] for each in report["queries"]] == ["Lisbon"] and len(report["answers"]) == 2


def test_prompts_alone_are_answered_and_rows_are_asked_as_they_are(template, inside):
    workspace = Workspace.open(template)
    workspace.remove("wrong")
    prompts = ("--prompt", BIRTH.prompt, "--prompt", "Who is Ben Ota?", "--prompt", BIRTH.prompt)
    options = ("--seeds", 1, "--arm", "cleaned", "--answers", 0, "--json")
    done = inside("retrain", template, *options, *prompts, "--row", "e2")
    workspace.review.undo()
    report = json.loads(done.stdout)
    assert [each["label"] for each in report["queries"]] == ["Ben Ota was born in Oslo."]
    asked = [(each["prompt"], each["expected"]) for each in report["answers"]]
    assert asked == [(BIRTH.prompt, None), ("Who is Ben Ota?", None)] and report["answers_judged"] == 0
    assert "exact" not in {each["name"] for each in report["shown"]}


def test_pruning_goes_by_the_loss(tmp_path):
    workspace = created(tmp_path)
    workspace.train(replace(SETTINGS, epochs=1, dynamics=True))
    workspace.scores.compute(["mean_loss"])
    settings = RetrainSettings(
        seeds=1,
        strategy="prune",
        options={"fractions": "0.5", "way": "hard"},
        epochs=1,
        answers=0,
        device="cpu",
    )
    report = workspace.trials.run(settings)
    assert [arm["name"] for arm in report["arms"]] == ["all rows", "mean_loss 50%", "random 50%"]
