"""Inspect and Pair on a language model: an answer, words of it, and the training rows behind them."""

import html
import shutil
from pathlib import Path

import pytest

from backend.influence.answers.about_answer import AboutAnswer
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.workspace import Workspace
from tests.language_workspace import trained
from tests.pages.driver import explain, new_app, page, words
from tests.pages.test_language_model_pages import PAGES, button


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    made = trained(tmp_path_factory.mktemp("answers"))
    made.precompute(PrecomputeSettings(device="cpu", row_store="full"))
    return made.path


@pytest.fixture
def workspace(template, tmp_path, monkeypatch) -> Workspace:
    made = Workspace.open(shutil.copytree(template, tmp_path / "ws"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(made.path))
    return made


def test_what_does_not_serve_language_models_says_so(workspace):
    workspace.review.remove("wrong")
    app = page(new_app(), "retrain")
    assert "There is no forecast" in words(app) and not app.exception
    assert not [each for each in app.button if each.label == "Forecast"]


def test_the_job_for_words_is_offered(workspace):
    app = page(new_app(), "words")
    assert not app.exception and [each for each in app.button if each.label == "Compute words"]
    assert "the eval rows that the model says worst" in app.info[0].value


def mark(app, *numbers: int):
    return (
        next(each for each in app.multiselect if each.label == "Marked words").set_value(list(numbers)).run()
    )


def ids_of(app) -> list[str]:
    """Rows of the cards, in order, as their buttons name them."""
    return [each.help.removeprefix("Keep ") for each in app.button if each.label == "Keep"]


@pytest.mark.parametrize("name", [each for each in PAGES if each not in ("new", "jobs", "help")])
def test_every_page_is_drawn(workspace, name):
    queries = {"pair": {"test": "e1", "train": "wrong"}, "inspect": {"row": "e1"}}
    app = page(new_app(), name, **queries.get(name, {}))
    assert not app.exception, (name, app.exception)
    assert not [each.value for each in app.error], name
    assert '"turns":' not in words(app) and "&quot;turns&quot;" not in words(app)


def test_words_of_an_answer_are_asked_about(workspace):
    app = page(new_app(), "inspect", row="e1")
    shown = words(app)
    assert not app.exception and "Why this answer?" in shown and "made this answer less likely" in shown
    assert "fw-written" in shown and "Birthplace of Ada Morel?" in shown
    expected = workspace.explain(row="e1", split="eval", k=10)
    rows = [each.id for each in (*expected.proponents, *expected.opponents)]
    assert [each.replace("\\", "") for each in ids_of(app)] == rows
    app = mark(app, 5)
    shown = words(app)
    assert "Why these words?" in shown and 'title="asked about">Lisbon</span>' in shown
    assert "over 1 token," in shown and "in the loss" in shown
    app = next(each for each in app.text_input if each.label == "Rather than").set_value("Delhi").run()
    assert not app.exception and "rather than the other" in words(app)
    (sides,) = (each for each in app.segmented_control if each.label == "Words that count")
    assert 'fw-minus fw-read"' not in words(app).split("line above")[1]
    app = sides.set_value("both").run()
    assert not app.exception and 'fw-minus fw-read"' in words(app).split("line above")[1]


def test_nothing_is_held_against_two_marks(workspace):
    app = mark(page(new_app(), "inspect", row="e1"), 0, 5)
    assert not app.exception and not app.error
    (field,) = (each for each in app.text_input if each.label.startswith("Rather than"))
    assert field.disabled


def test_a_prompt_and_an_answer_are_typed(workspace):
    app = page(new_app(), "inspect", what="Typed prompt")
    fields = {each.label: each for each in app.text_area}
    fields["Prompt"].set_value("Where was <b>Ada Morel</b> born?")
    fields["Answer"].set_value("In Delhi.")
    explain(app)
    shown = words(app)
    assert not app.exception and not app.error
    assert "&lt;b&gt;Ada Morel&lt;/b&gt;" in shown and "Why this answer?" in shown and "In Delhi." in shown
    app = mark(app, 1)
    assert not app.exception and "Why these words?" in words(app)


def test_the_methods_are_those_that_serve_language_models(workspace):
    app = page(new_app(), "inspect", row="e1")
    (method,) = (each for each in app.selectbox if each.label == "Method")
    assert {"we", "bm25"} <= set(method.options) and "final-layer" not in method.options
    app = method.set_value("bm25").run()
    assert not app.exception and not app.error


def test_a_pair_opens_with_the_words_that_were_asked_about(workspace):
    app = mark(page(new_app(), "inspect", row="e1"), 5)
    app = next(each for each in app.button if each.label == "Show as a pair").click().run()
    assert not app.exception and not app.error
    assert "made these words" in words(app)
    app = page(app, "pair", test="e1", train="wrong")
    shown = words(app)
    assert not app.exception and "same question" not in shown and "why this answer?" in shown
    assert "template tokens" in shown


def test_a_harmful_row_is_corrected_on_its_card(workspace):
    app = page(new_app(), "inspect", row="e1")
    place = [each.replace("\\", "") for each in ids_of(app)].index("wrong")
    app = [each for each in app.button if each.label == "Correct"][place].click().run()
    next(each for each in app.text_area if each.label == "What it should say").set_value(
        "Ada Morel was born in Lisbon."
    )
    app = app.run()
    app = button(app, "Store").click().run()
    assert not app.exception and workspace.review.states()["wrong"].label == "Ada Morel was born in Lisbon."


def own(workspace: Workspace, **about) -> str:
    return workspace.write_answer(AboutAnswer(**about), **({} if about else {"row": "e1"})).text


def test_the_models_own_answer_is_explained(workspace):
    app = page(new_app(), "inspect", row="e1")
    (whose,) = (each for each in app.segmented_control if each.label == "Answer")
    app = whose.set_value("model").run()
    shown = words(app)
    assert not app.exception and not app.error and "the model&#x27;s own answer" in shown
    assert own(workspace).strip() and html.escape(own(workspace)) in shown
    app = mark(app, 0)
    assert not app.exception and "Why these words?" in words(app)


def test_a_prompt_without_an_answer_lets_the_model_answer(workspace):
    app = page(new_app(), "inspect", what="Typed prompt")
    next(each for each in app.text_area if each.label == "Prompt").set_value("Where was Ben Ota born?")
    explain(app)
    assert not app.exception and not app.error
    assert html.escape(own(workspace, prompt="Where was Ben Ota born?")) in words(app)


def test_another_answer_of_a_row_is_typed(workspace):
    app = page(new_app(), "inspect", row="e1", **{"answer-of": "Another one"})
    (field,) = (each for each in app.text_area if each.label == "Answer to explain")
    app = field.set_value("In Delhi, <i>I</i> think.").run()
    assert not app.exception and "In Delhi, &lt;i&gt;I&lt;/i&gt; think." in words(app)
    assert "Why this answer?" in words(app) and "own answer" not in words(app)


def test_what_is_literally_in_the_data_stands_beside_influence(workspace):
    app = mark(page(new_app(), "inspect", row="e1"), 5)
    match = workspace.matches.find("Lisbon")
    assert f"“Lisbon”: literally in {match.found.rows} training rows: in answers of" in words(app)
    assert "A match, no influence" in words(app)
    app = next(each for each in app.toggle if each.label == "What the base model knew").set_value(True).run()
    assert not app.exception
    told = [each.value for each in app.error] or [each.says for each in _base(workspace)]
    assert all(html.escape(each).split(":")[0] in words(app) for each in told)


def _base(workspace: Workspace):
    about = AboutAnswer(turn=1, marks=((22, 28),))
    return workspace.base_share(row="e1", split="eval", about=about)[0]
