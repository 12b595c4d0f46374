"""Every page with 77 classes whose names are long, one of them endless: nothing is cut off or confused."""

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from backend.workspace import Workspace
from tests.many_classes import COUNT, HUGE, build_many, class_names
from tests.pages.driver import new_app, opened, page, words

PAGES = ("overview", "inspect", "review", "explore", "changes", "retrain", "export", "scores", "help")


@pytest.fixture(scope="session")
def many_template(tmp_path_factory) -> Path:
    """Read it, never change it."""
    return build_many(tmp_path_factory.mktemp("many")).path


@pytest.fixture
def many(many_template, tmp_path, monkeypatch) -> AppTest:
    """The app on a copy of it."""
    copy = shutil.copytree(many_template, tmp_path / "many")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(copy))
    return new_app()


def decided(workspace: Workspace) -> None:
    ids, names = workspace.train_split.ids, workspace.manifest.classes
    workspace.review.decide("relabel", [ids[0]], label=HUGE, reason="r" * 500, author="Ada", origin="app")
    workspace.review.decide("relabel", [ids[1], ids[2]], label=names[70], author="Ben", origin="app")
    workspace.review.remove(ids[3])
    workspace.review.freeze("before")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_drawn_and_shows_no_endless_name(many, name):
    decided(opened())
    page(many, name)
    assert not many.exception and all("hardly learnt" in each.value for each in many.error)
    assert "L" * 1_100 not in words(many)  # a tooltip may have 1,000
    shown = [each.proto.body for each in many.get("html") if not each.proto.body.startswith("<style")]
    visible = "".join(part.split(">", 1)[-1] for body in shown for part in body.split("<"))
    assert "L" * 301 not in visible
    assert not [each.label for each in many.button if len(each.label) > 200]


def test_a_class_among_many_is_searched_and_the_likely_ones_come_first(many):
    page(many, "review")
    workspace = opened()
    queued = workspace.scores.queue()[0]
    field = next(each for each in many.selectbox if each.key and each.key.startswith("relabel-queue-"))
    assert len(field.options) == COUNT - 1 and len(set(field.options)) == COUNT - 1
    place = workspace.train_split.position(queued.id)
    predicted = workspace.predictions("train").predicted[place]
    if predicted != queued.label:
        assert "(predicted)" in field.options[0]
    ranked = workspace.predictions("train").probabilities[place].argsort()[::-1]
    second = next(
        workspace.manifest.classes[each]
        for each in ranked
        if workspace.manifest.classes[each] != queued.label
    )
    field.set_value(second).run()
    assert not many.exception and all("hardly learnt" in each.value for each in many.error)
    assert opened().states()[queued.id].label == second


def test_digits_stand_for_the_nine_likeliest_of_the_row_in_focus(many):
    page(many, "review", view="Focus")
    found = many.query_params["at"]
    row = found if isinstance(found, str) else found[0]
    workspace = opened()
    place = workspace.train_split.position(row)
    classes, probabilities = workspace.manifest.classes, workspace.predictions("train").probabilities[place]
    label = workspace.train_split.labels[place]
    buttons = {each.proto.shortcut: each for each in many.main.button if each.proto.shortcut.isdigit()}
    assert sorted(buttons) == list("123456789")
    expected = [classes[each] for each in probabilities.argsort()[::-1] if classes[each] != label]
    buttons["1"].click().run()
    assert not many.exception
    chosen = opened().states()[row].label
    assert chosen in expected[:2]  # the model's first, or what another voice says
    assert len({each.label for each in buttons.values()}) == 9


def test_hidden_explanations_leave_the_classes_in_their_own_order(many):
    page(many, "review")
    many.sidebar.toggle(key="explanations").set_value(False).run()
    field = next(each for each in many.selectbox if each.key and each.key.startswith("relabel-queue-"))
    assert not [each for each in field.options if "predicted" in each or "model" in each]


def test_names_that_are_cut_to_the_same_start_are_told_apart(many):
    page(many, "explore")
    field = many.selectbox(key="of-class")
    assert len(set(field.options)) == COUNT + 1
    name = class_names()[10]
    field.set_value(name).run()
    assert not many.exception
    listed = many.dataframe[0].value
    assert set(listed["label"]) == {name}


def test_one_class_for_many_rows_must_be_chosen(many):
    page(many, "explore")
    many.button(key="bulk-button").click().run()
    many.segmented_control(key="bulk-action").set_value("relabel").run()
    assert many.button(key="bulk-apply").disabled and "Choose the label" in words(many)
    name = class_names()[50]
    many.selectbox(key="bulk-label").set_value(name).run()
    many.text_input(key="bulk-reason").set_value("all of it").run()
    many.button(key="bulk-apply").click().run()
    assert not many.exception
    assert {each.label for each in opened().states().values()} == {name}


def test_a_pair_is_relabelled_by_digit_or_search(many):
    workspace = opened()
    row, train = workspace.eval_split.ids[0], workspace.train_split.ids[5]
    page(many, "pair", test=row, train=train)
    assert not many.exception and all("hardly learnt" in each.value for each in many.error)
    assert len([each for each in many.main.button if each.proto.shortcut.isdigit()]) == 9
    name = class_names()[60]
    many.selectbox(key="relabel-pair").set_value(name).run()
    assert opened().states()[train].label == name


def test_all_classes_are_in_the_overview_the_smallest_by_name(many):
    page(many, "overview")
    frame = next(each.value for each in many.dataframe if "class" in each.value)
    assert len(frame) == COUNT and frame["training"].sum() == len(opened().train_split)
    assert any(each.value.startswith("Smallest: ") for each in many.caption)
