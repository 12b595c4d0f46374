"""Every page, run without a browser, always from app.py."""

import shutil
from pathlib import Path

import pytest
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from backend.files import write_json
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.jobs.process import job_path
from backend.review.author import default_author
from pages.components.inspect.answer import Places
from pages.components.markup import plain_label
from pages.components.remembered_name import COOKIE
from tests.pages.driver import explain, new_app, opened, page, words


def test_overview(app):
    app.run()
    assert not app.exception and not app.error
    shown = words(app)
    for expected in ("60", "training rows", "accuracy on eval", "good", "bad", "current", "step 24"):
        assert expected in shown
    assert app.sidebar.selectbox[0].value == "ws"


def test_overview_names_scores_and_influence(app, tiny_workspace):
    tiny_workspace.scores.compute(["association"])
    tiny_workspace.compute_influence(score="dot", k=5)
    shown = words(page(app, "overview"))
    assert "Scores" in shown and "association" in shown
    assert "Influence on eval rows" in shown and "score dot product, lists of 5" in shown


def test_overview_offers_what_is_missing(app, tiny_workspace):
    manifest = tiny_workspace.manifest
    artifacts = {name: each for name, each in manifest.artifacts.items() if name in ("data", "checkpoints")}
    tiny_workspace.folder.write_manifest(manifest.model_copy(update={"artifacts": artifacts}))
    app.run()
    assert "missing" in words(app)
    assert [each.label for each in app.button if each.label == "Precompute"]
    assert "index of this workspace is missing" in page(app, "inspect").info[0].value


def test_inspect_shows_both_columns_and_decides(app):
    page(app, "inspect")
    assert not app.exception and not app.error
    shown = words(app)
    assert all(
        each in shown
        for each in ("Inspect", "Helpful", "Harmful", "fw-word", "Word by word", "What this is not")
    )
    app.button(key="remove-helpful-1").click().run()
    assert not app.exception and not app.error
    assert [state.action for state in opened().states().values()] == ["remove"]
    assert "removed" in words(app) and app.toast
    entry = opened().log()[0]
    assert (entry.action, entry.origin) == ("remove", "app")
    app.button(key="undo-helpful-1").click().run()
    assert opened().states() == {}
    app.sidebar.button(key="sidebar-redo").click().run()
    assert len(opened().states()) == 1


@pytest.mark.parametrize(("score", "name"), [("cosine", "cosine"), ("dot", "dot product")])
def test_another_score_ranks_anew_and_is_in_the_address(app, score, name):
    page(app, "inspect")
    assert app.selectbox(key="score").value == DEFAULT_SCORE
    app.selectbox(key="score").set_value(score).run()
    assert not app.exception and not app.error
    shown = app.session_state["shown"]
    assert shown[0][2].score == score
    again = page(new_app(), "inspect", score=name)
    assert again.selectbox(key="score").value == score
    assert not again.exception and not again.error


def test_an_unknown_score_in_the_address_is_the_default_one(app):
    page(app, "inspect", score="magic")
    assert app.selectbox(key="score").value == DEFAULT_SCORE
    assert not app.exception and not app.error


def test_reason_and_name_are_logged(app):
    page(app, "inspect")
    app.sidebar.text_input(key="author").set_value("Ada").run()
    app.text_input(key="reason-inspect").set_value("looks wrong").run()
    app.button(key="relabel-harmful-1").click().run()
    entry = opened().log()[0]
    assert (entry.action, entry.author, entry.reason) == ("relabel", "Ada", "looks wrong")


def test_why_not_the_other_class(app):
    page(app, "inspect")
    predicted = app.session_state["label"]
    other = next(each for each in ("bad", "good") if each != predicted)
    app.segmented_control(key="label").set_value(other).run()
    assert not app.exception
    assert f"made “{other}” more likely" in words(app)


def test_training_row_is_left_out_and_said(app):
    page(app, "inspect")
    app.segmented_control(key="what").set_value("train").run()
    app.text_input(key="row").set_value("r5").run()
    assert not app.exception and not app.error
    assert "self-influence" in words(app) or "own influence" in words(app)
    assert not [
        each for each in app.get("html") if ">r5<" in each.proto.body and "fw-head" in each.proto.body
    ]


def test_typed_text(app):
    page(app, "inspect")
    app.segmented_control(key="what").set_value("text").run()
    assert "Type a text to see" in words(app)
    app.text_area(key="text").set_value("a gorgeous <script>alert(1)</script> film")
    next(each for each in app.button if each.label == "Explain").click().run()
    assert not app.exception
    assert "Helpful" in words(app) and "<script>" not in words(app) and "&lt;script&gt;" in words(app)


ASK = """
from backend.errors import InputError
from pages.components.messages import show_error
from pages.components.asking.typed_text import ask_text

try:
    ask_text(with_second={pair})
except InputError as error:
    show_error(error)
"""


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_empty_text_gets_one_line(text):
    # Not through app.py: there, AppTest loses the click of a form's button.
    app = AppTest.from_string(ASK.format(pair=False)).run()
    assert not app.error and "Type a text to see" in app.caption[0].value
    app.text_area(key="text").set_value(text)
    explain(app)
    assert [each.value for each in app.error] == [
        plain_label("The text is empty: type what the model should read.")
    ]


def test_empty_second_text_gets_one_line():
    app = AppTest.from_string(ASK.format(pair=True)).run()
    app.text_area(key="text").set_value("a film")
    explain(app)
    assert "The second text is empty" in app.error[0].value


def test_name_and_typed_text_survive_a_refresh(app, monkeypatch):
    page(app, "inspect", what="Typed text")
    app.text_area(key="text").set_value("a gorgeous film")
    explain(app)
    assert app.query_params["text"] in ("a gorgeous film", ["a gorgeous film"])
    fresh = new_app()
    # The browser sends it with each new session; tests/e2e has it keep the name.
    monkeypatch.setattr(ContextProxy, "cookies", {COOKIE: "Ada%20%C3%96"})
    again = page(fresh, "inspect", what="Typed text", text="a gorgeous film")
    assert again.sidebar.text_input(key="author").value == "Ada Ö"
    assert again.text_area(key="text").value == "a gorgeous film" and "Helpful" in words(again)
    again.text_area(key="text").set_value("a gorgeous film " * 200)
    explain(again)
    assert "text" not in again.query_params and "Helpful" in words(again)


@pytest.mark.parametrize("name", ["", "a%00b", "x" * 81, "%0a"])
def test_a_name_that_can_be_none_is_not_taken_from_the_browser(app, monkeypatch, name):
    monkeypatch.setattr(ContextProxy, "cookies", {COOKIE: name})
    assert page(app, "overview").sidebar.text_input(key="author").value == default_author()


def test_an_address_with_an_unknown_workspace_says_so(app):
    app.query_params["ws"] = "no\nsuch"
    page(app, "words")
    assert not app.exception and "There is no workspace" in app.warning[0].value
    assert "There is no workspace" not in "".join(each.value for each in page(new_app(), "words").warning)


def test_texts_without_colours(app):
    page(app, "inspect")
    assert "<mark" in words(app)
    app.sidebar.toggle(key="explanations").set_value(False).run()
    shown = words(app)
    assert not app.exception and "<mark" not in shown and "Word by word" not in shown
    assert "Explanations are hidden" in shown and "Helpful" in shown


def test_undo_is_about_what_one_did_oneself(app, monkeypatch):
    workspace = opened()
    workspace.review.decide("flag", ["r1"], author=default_author())
    workspace.review.decide("remove", ["r2"], author="Ben")
    page(app, "overview")
    assert "flag r1" in app.button(key="sidebar-undo").label
    app.button(key="sidebar-undo").click().run()
    assert list(workspace.review.states()) == ["r2"] and app.button(key="sidebar-undo").disabled
    app.sidebar.text_input(key="author").set_value("Ben").run()
    assert "remove r2" in app.button(key="sidebar-undo").label and app.button(key="sidebar-redo").disabled
    monkeypatch.setattr(ContextProxy, "cookies", {COOKIE: "Ben"})
    again = new_app().run()
    assert "remove r2" in again.button(key="sidebar-undo").label, "in the first run, too"


def test_what_someone_else_decided_meanwhile_is_not_overridden(app):
    workspace = opened()
    page(app, "inspect")
    app.button(key="flag-helpful-1").click().run()
    (row,) = workspace.review.states()
    workspace.review.decide("remove", [row], author="Ben")
    app.button(key="keep-helpful-1").click().run()
    assert workspace.review.states()[row].action == "remove"
    assert plain_label("'Ben' has decided remove meanwhile; nothing was stored") in app.toast[0].value
    app.button(key="keep-helpful-1").click().run()
    assert workspace.review.states()[row].action == "keep", "now the page had shown it"


def test_undo_on_a_card_says_how_many_rows_it_undoes(app):
    page(app, "inspect")
    app.button(key="remove-helpful-1").click().run()
    (row,) = opened().states()
    assert app.button(key="undo-helpful-1").label == "Undo"
    opened().undo()
    opened().remove(row, next(each for each in ("r0", "r1") if each != row))
    app.run()
    undo = app.button(key="undo-helpful-1")
    assert (undo.label, undo.help) == ("Undo 2 rows", "Undoes remove of 2 rows, decided at once")
    undo.click().run()
    assert opened().states() == {}


def test_unknown_row_gets_one_line(app):
    page(app, "inspect")
    app.text_input(key="row").set_value("**nobody** <img src=x>").run()
    assert not app.exception
    assert len(app.error) == 1 and "nobody" in app.error[0].value and "**nobody**" not in app.error[0].value
    assert app.text_input(key="row").value and app.button(key="step-next")
    assert not [each for each in app.button if each.key == "other-split"]


def test_a_row_of_the_other_split_is_offered(app):
    (row, *_) = (each for each in opened().train_split.ids if each not in opened().eval_split.ids)
    page(app, "inspect")
    app.text_input(key="row").set_value(row).run()
    assert "is not in eval" in app.error[0].value.replace("\\", "") and 'class="fw-query' not in words(app)
    app.button(key="other-split").click().run()
    assert not app.error and f"train {row}" in words(app)


def test_an_old_answer_makes_room_before_the_next_is_computed(app, monkeypatch):
    waits = []
    real = Places.wait
    monkeypatch.setattr(Places, "wait", lambda self: (waits.append(1), real(self))[1])
    page(app, "inspect")
    app.toggle(key="errors").set_value(False).run()
    before = len(waits)
    app.button(key="step-next").click().run()
    assert len(waits) == before + 1
    app.button(key="keep-helpful-1").click().run()
    assert len(waits) == before + 1, "a decision draws over the same answer"
    other = "bad" if app.session_state["label"] == "good" else "good"
    app.segmented_control(key="label").set_value(other).run()
    assert len(waits) == before + 2
    assert 'class="fw-waiting' not in words(app) and 'class="fw-colhead' in words(app)


def test_unknown_label_in_the_address_gets_one_line(app):
    page(app, "inspect", label="nonsense")
    assert not app.exception
    assert "nonsense" in app.warning[0].value
    assert "Helpful" in words(app)


def test_search_and_steps(app):
    page(app, "inspect")
    app.text_input(key="q").set_value("MUSIC").run()
    app.toggle(key="errors").set_value(False).run()
    first = next(each.proto.body for each in app.get("html") if "fw-query" in each.proto.body)
    assert "music" in first
    app.button(key="step-next").click().run()
    second = next(each.proto.body for each in app.get("html") if "fw-query" in each.proto.body)
    assert "music" in second and second != first
    app.text_input(key="q").set_value("no such words anywhere").run()
    assert "nothing found for “no such words anywhere” among the eval rows" in app.info[0].value
    assert (
        "Only errors" not in app.info[0].value and 'class="fw-query' not in words(app) and not app.exception
    )


def test_a_search_without_a_match_does_not_leave_the_old_row(app):
    page(app, "inspect", q="no such words anywhere", row=opened().eval_split.ids[0])
    assert "nothing found for" in app.info[0].value and 'class="fw-query' not in words(app)
    app.text_input(key="row").set_value(opened().eval_split.ids[1]).run()
    assert app.text_input(key="q").value == "" and 'class="fw-query' in words(app)


def test_changes_filter_revert_and_redo(app):
    workspace = opened()
    workspace.review.remove("r1", reason="<b>bold</b>")
    workspace.review.decide("flag", [f"r{n}" for n in range(2, 12)], author="Eve")
    page(app, "changes")
    shown = words(app)
    assert not app.exception
    assert "&lt;b&gt;bold" in shown and "10 rows" in shown and "and 5 more" in shown
    app.segmented_control(key="action").set_value("remove").run()
    assert "10 rows" not in words(app)
    app.button(key="log-1").click().run()
    assert "r1" not in opened().states() and "undone" in words(app)
    app.button(key="log-1").click().run()
    assert "r1" in opened().states()
    app.segmented_control(key="action").set_value("all").run()
    app.selectbox(key="by").set_value("Eve").run()
    assert "10 rows" in words(app) and "bold" not in words(app)


def test_changes_are_paged(app):
    for number in range(45):
        opened().flag(f"r{number}")
    page(app, "changes")
    assert not app.exception

    def shown() -> list[str]:
        return [each.key for each in app.button if each.label == "Revert"]

    assert shown() == [f"log-{number}" for number in range(45, 25, -1)]
    app.button(key="log-older").click().run()
    app.button(key="log-older").click().run()
    assert shown() == [f"log-{number}" for number in range(5, 0, -1)]
    assert app.button(key="log-older").disabled
    app.button(key="log-newest").click().run()
    assert len(shown()) == 20


def test_changes_without_any(app):
    assert "Nothing has been decided yet" in page(app, "changes").info[0].value


def test_welcome_without_a_workspace(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIRSTWORD_WORKSPACE", raising=False)
    app = new_app().run()
    assert not app.exception
    assert "Welcome" in app.title[0].value and "python -m backend build" in app.code[0].value
    kinds = ("", " of label sets", " of numbers", " of a language model")
    assert [each.label for each in app.button] == [f"Build the demo{kind}" for kind in kinds]
    assert "no workspace yet" in page(app, "inspect").info[0].value


def test_welcome_shows_why_a_job_failed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIRSTWORD_WORKSPACE", raising=False)
    folder = job_path(["demo"], Path("cache/.jobs"))
    write_json(folder / "job.json", {"args": ["demo"], "pid": 2**22 + 1, "created": 0.0})
    write_json(
        folder / "progress.json",
        {"state": "failed", "stage": "x", "done": 1, "total": 2, "error": "disk *full*"},
    )
    app = new_app().run()
    assert "Failed" in app.error[0].value and "disk" in app.error[0].value


def test_a_damaged_workspace_gets_one_line(app, tiny_workspace):
    (tiny_workspace.path / "workspace.json").write_text("{", encoding="utf-8")
    app.run()
    assert not app.exception and "not a readable workspace manifest" in app.error[0].value.replace("\\", "")


def test_a_card_leads_to_its_training_row(app):
    page(app, "inspect")
    app.button(key="inspect-helpful-1").click().run()
    assert not app.exception and not app.error
    assert app.session_state["what"] == "train" and app.session_state["row"].startswith("r")
    assert f"train {app.session_state['row']}" in words(app)


def test_another_method_has_scores_of_its_own_and_says_what_it_cannot_do(app):
    shutil.rmtree(opened().folder.embeddings, ignore_errors=True)  # other tests may have made them
    page(app, "inspect")
    assert app.selectbox(key="method").value == "we"
    app.selectbox(key="score").set_value("ekfac").run()
    app.selectbox(key="method").set_value("embedding").run()
    assert not app.exception
    assert app.selectbox(key="score").value == "label"
    assert any("look at all training examples once" in each.value for each in app.info)
    opened().prepare_method("embedding")
    app.run()
    assert not app.exception and "divide over words" in words(app)
    again = page(new_app(), "inspect", method="tfidf")
    assert again.selectbox(key="method").value == "tfidf"
    assert again.selectbox(key="score").value == "residual"
