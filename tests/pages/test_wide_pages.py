"""The app on 12 classes in several shards, and on 80: it asks, decides, and says what the backend says."""

import re
import shutil

import pytest
from streamlit.testing.v1 import AppTest

from backend.files import digest
from backend.workspace import Workspace
from pages.components.numbers import Unit
from pages.components.pair.pair_drawing import pair_drawing
from pages.components.pair.pair_words import pair_sentence
from tests.pages.driver import new_app, opened, page, words
from tests.wide import WIDE


@pytest.fixture(scope="module", params=WIDE.values(), ids=WIDE)
def template(request, tmp_path_factory):
    """Read it, never change it; shards stay small as long as it is there."""
    with request.param.built(tmp_path_factory.mktemp("wide")) as workspace:
        yield workspace.path


@pytest.fixture
def app(template, tmp_path, monkeypatch) -> AppTest:
    """The app on a copy."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(shutil.copytree(template, tmp_path / "ws")))
    return new_app()


def other_class(workspace: Workspace, label: str) -> str:
    """The last class that is another one."""
    return next(each for each in reversed(workspace.manifest.classes) if each != label)


def test_overview_counts_every_class(app):
    app.run()
    assert not app.exception and not app.error
    workspace = opened()
    counted = {each: workspace.train_split.labels.count(each) for each in workspace.manifest.classes}
    frames = [each.value for each in app.dataframe if "class" in each.value]
    if frames:  # of many classes
        assert dict(zip(frames[0]["class"], frames[0]["training"], strict=True)) == counted
    else:
        bodies = [each.proto.body for each in app.get("html")]
        table = next(each for each in bodies if "<table" in each and "training" in each)
        cells = [
            re.sub(r"<[^>]+>", " ", row).split() for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
        ]
        shown = {" ".join(each[:2]): int(each[2]) for each in cells if " ".join(each[:2]) in counted}
        assert shown == counted


def test_inspect_answers_and_asks_why_not_the_last_class(app):
    workspace = opened()
    row = workspace.eval_split.ids[0]
    wanted = other_class(workspace, workspace.predictions("eval").predicted[0])
    page(app, "inspect", row=row, errors="false", label=wanted)
    assert not app.exception and not app.error
    assert f"made “{wanted}” more likely" in words(app)
    expected = workspace.explain(row=row, split="eval", label=wanted)
    app.button(key="flag-helpful-1").click().run()
    assert not app.exception
    assert list(workspace.review.states()) == [expected.proponents[0].id]


def test_review_relabels_as_the_last_class_and_takes_it_back(app):
    page(app, "review")
    assert not app.exception and not app.error
    workspace = opened()
    first = workspace.scores.queue()[0]
    wanted = other_class(workspace, first.label)
    app.selectbox(key=f"relabel-queue-{digest(first.id)}").set_value(wanted).run()
    assert not app.exception
    assert workspace.review.states()[first.id].label == wanted
    app.sidebar.button(key="sidebar-undo").click().run()
    assert not app.exception and workspace.review.states() == {}


def test_a_pair_of_the_last_rows_is_that_of_the_backend(app):
    workspace = opened()
    test, train = workspace.eval_split.ids[-1], workspace.train_split.ids[-1]
    page(app, "pair", test=test, train=train)
    assert not app.exception and not app.error
    pair = workspace.explain_pair(train, row=test, split="eval")
    said = pair_sentence(pair, pair_drawing(pair, Unit.of([pair.entry.score])).rows)
    assert said in words(app).replace("&amp;", "&")
    app.button(key="remove-pair").click().run()
    assert workspace.review.states()[train].action == "remove" and "removed" in words(app)


def test_explore_finds_the_rows_of_a_class_wherever_they_lie(app):
    workspace = opened()
    wanted = workspace.train_split.labels[-1]
    page(app, "explore", **{"of-class": wanted})
    assert not app.exception and not app.error
    ids = workspace.train_split.ids
    own = [each for each, label in zip(ids, workspace.train_split.labels, strict=True) if label == wanted]
    assert sorted(app.dataframe[0].value["id"]) == sorted(own)
