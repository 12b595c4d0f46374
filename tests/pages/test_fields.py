"""Every number of every form: what is typed is taken, or refused beside the field."""

import pytest

from backend.model.training_plan import make_plan
from backend.queue.row_table import LOSS, OWN_COLUMNS
from pages.components.new.new_training import RATE
from pages.components.typed_number import read_number
from tests.conftest import tiny_rows
from tests.pages.driver import page, words
from tests.pages.test_new_page import csv_of, fresh, press, upload  # noqa: F401

NONSENSE = ("inf", "-inf", "1e309", "nan", "abc", "1,2,3", "0x10", "-5")
FIELDS = (  # page, the field's name in the address, what else the address must say
    ("help", "queries", {"part": "Self-test"}),
    ("help", "trainings", {"part": "Self-test"}),
    ("retrain", "seeds", {}),
    ("retrain", "epochs", {}),
    ("retrain", "guide", {"strategy": "Mixture"}),
    ("explore", "from", {"range-of": OWN_COLUMNS[LOSS]}),
    ("explore", "to", {"range-of": OWN_COLUMNS[LOSS]}),
)


def faults(app) -> list[str]:
    return [each.proto.body for each in app.get("html") if each.proto.body.startswith('<p class="fw-wrong"')]


@pytest.mark.parametrize(("name", "field", "others"), FIELDS)
def test_nonsense_in_an_address_is_said_beside_its_field(app, tiny_workspace, name, field, others):
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    for text in NONSENSE:
        if (field, text) in {("from", "-5"), ("to", "-5")}:
            continue  # a score may be below 0
        page(app, name, **{field: text}, **others)
        assert not app.exception and not app.error, (field, text)
        assert len(faults(app)) == 1 and "give a " in faults(app)[0], (field, text, faults(app))
        started = [
            each for each in app.button if each.label in ("Start the trial", "Run the test", "Run it again")
        ]
        assert all(each.disabled for each in started) and bool(started) == (name != "explore")
        assert "First correct" in words(app)


def test_a_number_in_an_address_is_what_the_field_has(app, tiny_workspace):
    tiny_workspace.review.remove(tiny_workspace.train_split.ids[0])
    page(app, "retrain", seeds="5", epochs="0,5")
    assert not app.exception and not faults(app)
    assert (app.text_input(key="seeds").value, app.text_input(key="epochs").value) == ("5", "0,5")
    assert "5 seeds" in words(app)


@pytest.mark.parametrize("text", ["5e-4", "0.0005", "5E-4", " 5e-4 ", "0,0005"])
def test_the_build_runs_with_the_rate_that_was_typed(fresh, monkeypatch, text):  # noqa: F811
    upload(fresh, csv_of(tiny_rows(30)))
    press(fresh, "Check every row")
    started: list[list[str]] = []
    monkeypatch.setattr(
        "pages.components.new.new_start.start_command", lambda args, logs: started.append(args)
    )
    fresh.text_input(key="new-rate").set_value(text).run()
    fresh.text_input(key="new-batch").set_value("1,024").run()
    fresh.text_input(key="new-seed").set_value("7").run()
    fresh.text_input(key="new-name").set_value("mine").run()
    shown = words(fresh).replace("\\", "")
    assert "24 training and 6 eval rows, 2 classes" in shown
    assert "lr 0.0005, batch 1,024, up to 128 tokens, seed 7" in shown
    assert "Roughly " in shown and "of training" in shown
    next(each for each in fresh.button if each.label == "Build").click().run()
    assert {"--lr=0.0005", "--batch-size=1024", "--seed=7"} <= set(started[0])
    plan = make_plan(24, 2, "minilm", given={"batch_size": 1024})
    assert f"--epochs={plan.epochs:g}" in started[0]
    assert read_number(text, RATE) == 5e-4


def test_a_build_does_not_start_with_a_field_that_cannot_be_read(fresh):  # noqa: F811
    upload(fresh, csv_of(tiny_rows(30)))
    assert "needs rows that passed the check" in words(fresh) and "needs a model" in words(fresh)
    press(fresh, "Check every row")
    build = [each for each in fresh.button if each.label == "Build"]
    assert build[0].disabled and "Give the workspace a name" in words(fresh)
    fresh.text_input(key="new-name").set_value("my reviews").run()
    assert "such as my-reviews" in words(fresh).replace("\\", "")
    fresh.text_input(key="new-name").set_value("mine").run()
    for key, text in (
        ("new-rate", "abc"),
        ("new-rate", "3e-4x"),
        ("new-epochs", "1e309"),
        ("new-seed", "-1"),
    ):
        fresh.text_input(key=key).set_value(text).run()
        build = [each for each in fresh.button if each.label == "Build"]
        assert build[0].disabled and len(faults(fresh)) == 1 and text in faults(fresh)[0]
        assert "First correct" in words(fresh)
        fresh.text_input(key=key).set_value("1").run()
    assert not next(each for each in fresh.button if each.label == "Build").disabled


def test_classes_that_are_numbers_can_be_named(fresh, monkeypatch):  # noqa: F811
    rows = [{**row, "label": int(row["label"] == "good")} for row in tiny_rows(30)]
    upload(fresh, csv_of(rows))
    fresh.text_area(key="new-names").set_value("0: bad one\nnone").run()
    assert "names no label" in faults(fresh)[0]
    fresh.text_area(key="new-names").set_value("0: bad one\n1: good one").run()
    press(fresh, "Check every row")
    assert not fresh.exception and not fresh.error
    assert "bad one" in words(fresh) and "good one" in words(fresh)


def test_labels_that_have_names_are_not_asked_for_any(fresh):  # noqa: F811
    upload(fresh, csv_of(tiny_rows(30)))
    assert not fresh.text_area


def test_all_steps_are_in_sight_from_the_start(fresh):  # noqa: F811
    shown = words(page(fresh, "new"))
    for number, step in enumerate(("Columns", "Evaluation rows", "Check", "Model", "Name and start"), 2):
        assert f"{number}. {step}" in shown
    assert shown.count("needs the training data") == 2


@pytest.mark.parametrize("text", ["0.33", "33 %", "33", "0,33"])
def test_the_share_held_out_is_what_was_typed(fresh, text):  # noqa: F811
    upload(fresh, csv_of(tiny_rows(30)))
    next(each for each in fresh.text_input if each.label == "Share").set_value(text).run()
    press(fresh, "Check every row")
    assert "20 training and 10 eval rows" in words(fresh)
    next(each for each in fresh.text_input if each.label == "Share").set_value("95").run()
    assert "from 1 % to 90 %" in faults(fresh)[0] and "needs the columns" in words(fresh)
