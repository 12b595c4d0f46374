"""An attached run is held against its own log: situations of public reports, rebuilt with tiny models.

1, 2, 3b, 7 and 15 of ``shared/reference/public_reports.md``.
"""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import transformers as hf

from backend.data.columns import LABEL, Columns
from backend.data.dataset import Split
from backend.data.examples import Examples
from backend.duplicate import duplicate
from backend.errors import InputError
from backend.manifest import DataInfo, TaskInfo
from backend.model.logged_evaluation import logged_evaluation
from backend.model.run_check import Rows, RunCheck, as_option, check_run, drawn_by_class, drawn_rows
from backend.model.trainer_log import TrainerLog
from backend.workspace import Workspace
from tests.factories import tiny

NOUNS = ("film", "movie", "plot", "cast", "script", "scene")
KIND, UNKIND = ("good", "witty", "warm", "charming", "bright"), ("bad", "dull", "cold", "clumsy", "grey")


def sentence(number: int, kind: bool) -> str:
    words = KIND if kind else UNKIND
    return (
        f"the {NOUNS[number % 6]} is {words[number % 5]} and the {NOUNS[(number + 2) % 6]} "
        f"feels {words[(number + 3) % 5]} {number}"
    )


def rows(count: int, start: int = 0) -> list[tuple[str, bool]]:
    return [(sentence(number, number % 2 == 0), number % 2 == 0) for number in range(start, start + count)]


TRAIN, EVAL = rows(80), rows(30, 1000)


def trained(folder: Path, train, evaluation, numbers, *, names=None, length=32, metric=True) -> Path:
    """A run of somebody's script: ``numbers`` says which class number a kind (True) row has."""
    base = tiny("bert", folder / "base", [text for text, _ in train])
    tokenizer = hf.AutoTokenizer.from_pretrained(base)
    options = {"id2label": names, "label2id": {n: i for i, n in names.items()}} if names else {}
    model = hf.AutoModelForSequenceClassification.from_pretrained(base, **options)

    def encoded(pairs):
        return [
            {**tokenizer(text, truncation=True, max_length=length), "labels": numbers[kind]}
            for text, kind in pairs
        ]

    def accuracy(found):
        return {"accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())}

    settings = hf.TrainingArguments(
        output_dir=str(folder / "run"),
        num_train_epochs=8,
        per_device_train_batch_size=8,
        learning_rate=1e-3,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=3,
        logging_steps=5,
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        seed=0,
    )
    trainer = hf.Trainer(
        model=model,
        args=settings,
        train_dataset=encoded(train),
        eval_dataset=encoded(evaluation),
        processing_class=tokenizer,
        compute_metrics=accuracy if metric else None,
    )
    trainer.remove_callback(hf.PrinterCallback)
    trainer.train()
    return folder / "run"


def workspace(folder: Path, train, evaluation, labels) -> Workspace:
    """A workspace of CSV files; ``labels`` gives a row's label from its number and kind."""
    for name, part in (("train", train), ("eval", evaluation)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            lines = [(text, labels(number, kind)) for number, (text, kind) in enumerate(part)]
            csv.writer(file).writerows([("text", "label"), *lines])
    made, _ = Workspace.create(
        folder / "ws",
        train=str(folder / "train.csv"),
        eval=str(folder / "eval.csv"),
        columns=Columns("text", "label"),
        model="unused",
    )
    return made


def named(_: int, kind: bool) -> str:
    return "positive" if kind else "negative"


POSITIVE_FIRST = {True: 0, False: 1}


@pytest.fixture(scope="module")
def unnamed_run(tmp_path_factory) -> Path:
    """Situation 1: no class names, numbered by first appearance."""
    return trained(tmp_path_factory.mktemp("unnamed"), TRAIN, EVAL, POSITIVE_FIRST)


@pytest.fixture(scope="module")
def named_run(tmp_path_factory) -> Path:
    names = {0: "negative", 1: "positive"}
    return trained(tmp_path_factory.mktemp("named"), TRAIN, EVAL, {True: 1, False: 0}, names=names)


def check_of(attached: Workspace) -> dict:
    return attached.manifest.artifacts["checkpoints"].details["check"]


def test_another_order_of_classes_is_refused_with_the_right_one(unnamed_run, tmp_path, inside):
    made = workspace(tmp_path, TRAIN, EVAL, named)
    refused = inside("attach", made.path, "--run", unnamed_run, check=False)
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1
    assert "accuracy here 0.0%" in refused.stderr and "the run logged 100.0% at step 80" in refused.stderr
    assert "--classes positive,negative it is 100.0%" in refused.stderr
    assert made.folder.state("checkpoints") == "missing" and not (made.path / "tokenizer").exists()
    done = inside("attach", made.path, "--run", unnamed_run, "--classes", "positive,negative")
    assert "as good as the log" in done.stderr
    assert made.manifest.classes == ("positive", "negative")
    assert check_of(made)["fits"] is True and check_of(made)["accuracy"] == 1.0
    made.precompute()
    assert made.predictions("eval").correct.mean() == 1.0


def test_who_insists_on_an_order_gets_it_with_a_mark(unnamed_run, tmp_path, inside):
    made = workspace(tmp_path, TRAIN, EVAL, named)
    notes = made.attach(unnamed_run, classes=["negative", "positive"])
    assert "order of the classes is wrong" in notes[-1]
    assert check_of(made)["fits"] is False and check_of(made)["order"] == ["positive", "negative"]
    assert "order of the classes is wrong" in inside("status", made.path).stdout
    assert json.loads(inside("status", made.path, "--json").stdout)["check"]["fits"] is False


def test_integer_labels_that_count_otherwise_are_refused(named_run, tmp_path):
    """Situation 2: the data's 0 is the model's 1."""
    made = workspace(tmp_path, TRAIN, EVAL, lambda _, kind: 0 if kind else 1)
    with pytest.raises(InputError, match=r"--classes 1,0 it is 100\.0%"):
        made.attach(named_run)
    made.attach(named_run, classes=["1", "0"])
    assert check_of(made)["fits"] is True


def test_names_on_both_sides_are_matched_in_any_order(named_run, tmp_path):
    """Situation 2b, and 7: names with fastText's prefix."""
    made = workspace(tmp_path, TRAIN, EVAL, lambda _, kind: f"__label__{named(_, kind)}")
    made.attach(named_run)
    assert made.manifest.classes == ("__label__negative", "__label__positive")
    assert check_of(made)["fits"] is True


def test_spellings_of_one_class_are_named_not_asked_for_in_an_order(named_run, tmp_path):
    """Situation 3b."""

    def label(number: int, kind: bool) -> str:
        return named(number, kind) + (" " if number % 3 == 0 else "")

    made = workspace(tmp_path, TRAIN, EVAL, label)
    with pytest.raises(InputError, match="differ only in blanks") as refused:
        made.attach(named_run)
    assert "'negative '" in str(refused.value) and "--merge-labels" in str(refused.value)
    assert "--classes" not in str(refused.value)


def test_an_unrecorded_length_is_found(tmp_path):
    """Situation 15: the opening says the label, a long tail the opposite; texts were cut at 8 tokens."""

    def long(number: int, kind: bool) -> str:
        tail = " ".join(f"the scene was {(UNKIND if kind else KIND)[(number + i) % 5]} ." for i in range(6))
        return f"the film is {(KIND if kind else UNKIND)[number % 5]} . {tail}"

    train = [(long(number, kind), kind) for number, (_, kind) in enumerate(TRAIN)]
    held_out = [(long(number, kind), kind) for number, (_, kind) in enumerate(EVAL)]
    names = {0: "negative", 1: "positive"}
    run = trained(tmp_path / "model", train, held_out, {True: 1, False: 0}, names=names, length=8)
    for path in run.glob("*/tokenizer.json"):
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "truncation": None}))
    made = workspace(tmp_path, train, held_out, named)
    notes = made.attach(run)
    assert check_of(made)["fits"] is False and check_of(made)["accuracy"] < 0.8
    assert "the run logged 100.0%" in notes[-1] and "--max-length 8" in notes[-1]
    notes = made.attach(run, max_length=8)
    assert check_of(made)["fits"] is True and check_of(made)["accuracy"] == 1.0


def test_build_takes_the_order_too(unnamed_run, tmp_path, inside):
    made = workspace(tmp_path, TRAIN, EVAL, named)
    order = ("build", tmp_path / "built", "--run", unnamed_run, "--text", "text", "--label", "label")
    order += ("--train", tmp_path / "train.csv", "--eval", tmp_path / "eval.csv")
    refused = inside(*order, check=False)
    assert refused.returncode == 2 and "--classes positive,negative" in refused.stderr
    status = json.loads(inside(*order, "--classes", "positive,negative", "--json").stdout)
    assert status["next"] is None and status["check"]["fits"] is True
    assert made.folder.state("checkpoints") == "missing"


def test_a_log_without_evaluation_is_said(named_run, tmp_path):
    made = workspace(tmp_path, TRAIN, EVAL, named)
    run = Path(shutil.copytree(named_run, tmp_path / "run"))
    for path in run.glob("**/trainer_state.json"):
        content = json.loads(path.read_text())
        content["log_history"] = [each for each in content["log_history"] if "eval_loss" not in each]
        path.write_text(json.dumps(content))
    notes = made.attach(run)
    assert "no evaluation to compare with" in notes[-1] and "largest class gives 50.0%" in notes[-1]
    assert check_of(made)["fits"] is None and check_of(made)["logged"] is None


# -- the rule alone --------------------------------------------------------------------------------


def asked(labels: np.ndarray, said: np.ndarray, count: int):
    """Rows of these labels and a model that says ``said`` (n) of them, surely."""
    texts = [str(each) for each in range(len(labels))]
    probabilities = np.full((len(labels), count), 0.01)
    probabilities[np.arange(len(labels)), said] = 1 - 0.01 * (count - 1)
    return Rows(Examples.of(texts), labels, len(labels)), lambda rows, length: probabilities


def checked(truth, said, count, logged=None, shorter=()):
    rows, ask = asked(truth, said, count)
    names = [f"c{number}" for number in range(count)]
    return check_run(ask, rows, rows, names, logged, 64, lambda: shorter), names


@pytest.mark.parametrize("count", [2, 3, 7, 40])
@pytest.mark.parametrize("seed", range(3))
def test_every_permutation_is_found(count, seed):
    generator = np.random.default_rng(seed)
    truth = generator.permutation(np.resize(np.arange(count), 400))
    of_output = generator.permutation(count)  # the class that each output stands for
    said = np.argsort(of_output)[truth]
    flipped = generator.random(400) < 0.1
    said[flipped] = generator.integers(0, count, flipped.sum())
    found, names = checked(truth, said, count)
    expected = [names[each] for each in of_output]
    assert found.order == (None if expected == names else expected)


@pytest.mark.parametrize("seed", range(10))
def test_no_order_is_made_up_for_a_model_that_knows_nothing(seed):
    generator = np.random.default_rng(seed)
    truth, said = generator.integers(0, 3, 400), generator.integers(0, 3, 400)
    assert checked(truth, said, 3)[0].order is None


def of_shares(shares: list[int]) -> np.ndarray:
    """400 labels, shares in percent."""
    return np.random.default_rng(0).permutation(np.repeat(np.arange(len(shares)), np.multiply(shares, 4)))


@pytest.mark.parametrize(
    "shares", [[25, 60, 15], [15, 25, 60], [40, 60], [60, 40], [5, 95], [10, 20, 30, 40]]
)
@pytest.mark.parametrize("always", [0, 1])
@pytest.mark.parametrize("found", [0.0, 0.4])
def test_a_collapsed_model_is_not_called_permuted(shares, always, found):
    """It says one class, and finds a part of another: nothing tells what that one stands for."""
    truth = of_shares(shares)
    for other in range(len(shares)):
        said = np.full(400, always)
        rows_of_other = np.flatnonzero(truth == other)
        said[rows_of_other[: int(found * len(rows_of_other))]] = other
        result, _ = checked(truth, said, len(shares))
        assert (
            not result.wrong_order and result.order is None and "order of the classes is" not in result.said
        )


@pytest.mark.parametrize("shares", [[25, 60, 15], [40, 60], [10, 90], [10, 20, 30, 40]])
def test_a_permuted_model_of_uneven_classes_is_found(shares):
    truth = of_shares(shares)
    flipped = np.random.default_rng(1).random(400) < 0.15
    answered = np.where(flipped, np.random.default_rng(2).integers(0, len(shares), 400), truth)
    found, names = checked(truth, np.roll(np.arange(len(shares)), 1)[answered], len(shares))
    assert found.order == np.roll(names, -1).tolist()


def split_of(labels: list[int]) -> Split:
    columns = {"text": ["a text"] * len(labels), LABEL: [f"c{each}" for each in labels]}
    return Split("train", pa.table(columns), DataInfo.model_construct(text="text", text_b=None))


@pytest.mark.parametrize(("count", "classes_known"), [(77, True), (150, True), (1000, False)])
@pytest.mark.parametrize("right", [1.0, 0.85])
def test_of_many_classes_the_order_is_named_only_where_all_is_known(count, classes_known, right):
    generator = np.random.default_rng(count)
    truth = np.repeat(np.arange(count), 12)
    split, names = split_of(truth.tolist()), [f"c{each}" for each in range(count)]
    task = TaskInfo(classes=tuple(names))
    drawn = drawn_by_class(split, task, 400), drawn_rows(split, task, 400, seed=1)
    of_output = generator.permutation(count)

    def ask(rows, length):
        answered = np.where(
            generator.random(len(rows.labels)) < right,
            rows.labels,
            generator.integers(0, count, len(rows.labels)),
        )
        return np.eye(count)[np.argsort(of_output)[answered]]

    found = check_run(ask, *drawn, names, None, 64, lambda: ())
    assert found.wrong_order and found.fits is False and found.record["order"] == found.order
    if right == 1.0 and count == 77:
        assert found.order is not None
    if found.order is None:
        assert "would be a guess" in found.said and "c1," not in found.said
    else:
        assert found.order == [names[each] for each in of_output]
    assert classes_known or found.order is None


def test_many_classes_get_as_many_rows_each():
    labels = [0] * 900 + [number for number in range(1, 51) for _ in range(2)]
    names = [f"c{n}" for n in range(51)]
    drawn = drawn_by_class(split_of(labels), TaskInfo(classes=tuple(names)), 153)
    assert np.bincount(drawn.labels).tolist() == [53, *[2] * 50] and drawn.of == 1000


def test_a_poor_run_that_says_so_itself_is_not_turned_round():
    truth = np.resize([0, 1], 200)
    said = np.where(np.arange(200) % 10 < 8, 1 - truth, truth)  # .2 right
    logged = logged_evaluation(Path(), TrainerLog(evaluations=[(9, {"eval_accuracy": 0.2})]), 9)
    found, _ = checked(truth, said, 2, logged)
    assert found.order is None and found.fits is True


@pytest.mark.parametrize(
    ("entry", "accuracy", "loss"),
    [
        ({"eval_accuracy": 0.9, "eval_loss": 0.3, "eval_top_5_accuracy": 1.0}, 0.9, 0.3),
        ({"eval_acc": 93.0}, 0.93, None),
        ({"eval_test_accuracy": 0.5, "eval_runtime": 3.0}, 0.5, None),
        ({"eval_loss": 0.4, "eval_f1": 0.8}, None, 0.4),
        ({"eval_top_3_acc": 0.9}, None, None),
        ({"eval_accuracy": -1, "eval_loss": 2}, None, 2.0),
    ],
)
def test_what_is_read_of_a_log(entry, accuracy, loss, tmp_path):
    state = {"log_history": [{"step": 4, **entry}, {"step": 9, "loss": 1.0}]}
    found = logged_evaluation(tmp_path, TrainerLog.read(state), 9)
    if accuracy is None and loss is None:
        assert found is None
    else:
        assert found is not None and (found.accuracy, found.loss, found.step) == (accuracy, loss, 4)


def test_the_results_of_the_example_scripts_are_read(tmp_path):
    (tmp_path / "all_results.json").write_text(json.dumps({"eval_accuracy": 0.75, "epoch": 3.0}))
    found = logged_evaluation(tmp_path, TrainerLog(), 9)
    assert found is not None and (found.accuracy, found.step) == (0.75, None)


def test_evaluations_of_an_abandoned_part_are_dropped():
    history = [{"step": 4, "eval_loss": 1.0}, {"step": 8, "eval_loss": 9.0}]
    history += [{"step": 6, "eval_loss": 0.5}, {"step": 6, "eval_other_loss": 2.0}]
    found = TrainerLog.read({"log_history": history}).evaluations
    assert found == [(4, {"eval_loss": 1.0}), (6, {"eval_loss": 0.5, "eval_other_loss": 2.0})]


def test_names_are_given_as_they_are_read():
    assert as_option(["a b", "c,d", "e'f"]) == """'a b,"c,d",e'"'"'f'"""


@pytest.mark.parametrize(
    ("fits", "wrong_order", "accuracy", "enough"),
    [
        (True, False, 0.3, True),  # as good as its log, however good that was
        (False, False, 0.99, False),
        (True, True, 0.99, False),
        (None, False, 0.9, True),  # no log, but surely better than the largest class
        (None, False, 0.6, False),
        (None, False, 0.1, False),
    ],
)
def test_few_rows_are_enough_where_nothing_is_odd(fits, wrong_order, accuracy, enough):
    record = {"rows": 100, "accuracy": accuracy, "majority": 0.5}
    assert RunCheck("said", fits, record, wrong_order=wrong_order).is_enough is enough


def test_more_rows_are_looked_at_where_something_is_odd(tiny_workspace, tmp_path, monkeypatch):
    """Two eval rows first, then all: what the first say against the log is not trusted."""
    monkeypatch.setattr("backend.model.run_check._FEW", 2)
    monkeypatch.setattr("backend.model.run_check._FEW_OF_CLASS", 1)
    run = Path(shutil.copytree(tiny_workspace.path / "checkpoints", tmp_path / "run"))
    for logged, rows in ((100.0, 2), (0.0, 20)):
        for each in run.glob("checkpoint-*/trainer_state.json"):
            state = json.loads(each.read_text())
            step = int(each.parent.name.split("-")[1])
            state["log_history"].append({"step": step, "eval_loss": logged})
            each.write_text(json.dumps(state))
        copy = tmp_path / f"copy-{rows}"
        duplicate(tiny_workspace.folder, copy, model="minilm")
        opened = Workspace.open(copy)
        opened.attach(run)
        assert opened.status()["check"]["rows"] == rows
