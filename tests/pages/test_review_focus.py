"""Review, one row at a time: what comes next, links to a row, skipping, blind mode."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from backend.queue.queue import Queue, QueueFilter
from backend.review.checks import check_reason
from backend.review.ledger import Ledger
from pages.components.explanations import HIDDEN_NOTE
from pages.components.focus_place import place_of
from pages.components.review.blind import note_of
from tests.pages.driver import new_app, opened, page, words
from tests.pages.factories import XSS

SHORTCUTS = {"Keep": "K", "Flag": "F", "Remove": "X", "Skip": "S", "Previous": "Left", "Next": "Right"}


@pytest.fixture
def scored(app, tiny_workspace):
    """The app on a workspace with scores that need no encoder."""
    tiny_workspace.scores.compute(["dynamics", "association"])
    return app


@pytest.fixture
def focus(scored):
    """The queue, one row at a time."""
    return page(scored, "review", view="Focus")


def press(app, label: str):
    button(app, label).click().run()
    assert not app.exception and not app.error
    return app


def button(app, label: str):
    return next(each for each in app.main.button if each.label == label)


def at(app) -> str:
    found = app.query_params["at"]
    return found if isinstance(found, str) else found[0]


def queue_ids(**wanted) -> list[str]:
    return [each.id for each in opened().queue(QueueFilter(**wanted))]


def test_undo_brings_the_row_back_into_focus(focus):
    row = at(focus)
    press(focus, "Keep")
    assert at(focus) != row
    focus.sidebar.button(key="sidebar-undo").click().run()
    assert at(focus) == row and opened().states() == {}
    focus.sidebar.button(key="sidebar-redo").click().run()
    assert at(focus) == row and opened().states()[row].action == "keep"


@pytest.mark.parametrize("view", ["List", "Focus"])
def test_rows_without_what_speaks_against_them(scored, view):
    app = page(scored, "review", view=view)
    assert "fw-reasons" in words(app) and "Suggestion:" in words(app)
    app.sidebar.toggle(key="explanations").set_value(False).run()
    shown = words(app)
    assert not app.exception
    assert (
        'class="fw-reasons"' not in shown and "Suggestion:" not in shown and 'class="fw-score"' not in shown
    )
    press(app, "Keep")
    (state,) = opened().states().values()
    assert state.reason == HIDDEN_NOTE


@pytest.mark.parametrize("view", ["Focus", "Blind"])
def test_a_reason_is_about_the_row_in_focus(scored, view):
    app = page(scored, "review", view=view)
    row = at(app)
    app.text_input(key="reason-focus").set_value("not a review").run()
    press(app, "Flag")
    assert opened().states()[row].reason == "not a review"
    assert app.text_input(key="reason-focus").value == ""
    press(app, "Flag")
    assert opened().log()[0].row_id != row and opened().log()[0].reason == ""


def test_one_row_with_its_reasons_its_place_and_the_progress(focus):
    assert not focus.exception and not focus.error
    items = opened().queue()
    shown = words(focus)
    assert at(focus) == items[0].id in shown and items[1].id not in shown
    assert f"1 of {len(items):,}" in shown and "Suggestion:" in shown
    assert focus.get("progress")[0].proto.text == f"0 of {len(items):,} decided"
    for label, key in SHORTCUTS.items():
        assert button(focus, label).proto.shortcut.lower() == key.lower()
    assert [button(focus, name).proto.shortcut for name in ("bad", "good")] == ["1", "2"]


def test_a_decision_is_stored_and_the_next_undecided_row_comes(focus):
    first, second, third = queue_ids()[:3]
    press(focus, "Remove")
    assert {row: state.action for row, state in opened().states().items()} == {first: "remove"}
    assert at(focus) == second and second in words(focus)
    total = len(queue_ids(state="all"))
    assert focus.get("progress")[0].proto.text == f"1 of {total:,} decided"
    press(focus, "Keep")
    assert at(focus) == third and f"1 of {total - 2:,}" in words(focus)
    focus.sidebar.button(key="sidebar-undo").click().run()
    assert at(focus) == second
    press(focus, "Next")
    press(focus, "Previous")
    assert at(focus) == second


def test_the_decisions_in_force_are_read_once_for_a_decision(focus, monkeypatch):
    """Reading them takes half a second where 100,000 rows are decided about."""
    read, states = [], Ledger.states
    monkeypatch.setattr(Ledger, "states", lambda ledger, until=None: read.append(1) or states(ledger, until))
    press(focus, "Keep")
    assert len(read) == 1


def test_decided_rows_are_passed_over_where_all_are_listed(focus):
    focus.selectbox(key="decision").set_value("all").run()
    first, second, third = queue_ids(state="all")[:3]
    opened().keep(second)
    focus.run()
    press(focus, "Flag")
    assert at(focus) == third
    press(focus, "Previous")
    assert at(focus) == second and "kept" in words(focus) and button(focus, "Keep").disabled
    press(focus, "Previous")
    assert at(focus) == first and button(focus, "Previous").disabled


def test_the_class_of_a_key_is_the_new_label(focus):
    item = opened().queue()[0]
    other = next(each for each in opened().manifest.classes if each != item.label)
    assert button(focus, item.label).disabled
    press(focus, other)
    assert opened().states()[item.id].label == other and at(focus) != item.id


def test_a_link_leads_to_the_row_again(scored):
    third = queue_ids()[2]
    page(scored, "review", view="Focus", at=third)
    assert at(scored) == third in words(scored) and "3 of" in words(scored)
    again = page(new_app(), "review", view="Focus", at=third)
    assert third in words(again) and again.session_state["view"] == "focus"


def test_a_row_that_left_the_queue_is_named_and_the_first_offered(scored):
    third = queue_ids()[2]
    opened().flag(third)
    page(scored, "review", view="Focus", at=third)
    assert scored.info[0].value == f"{third} is not in this queue any more: it has been flagged."
    press(scored, "First row of the queue")
    assert at(scored) == queue_ids()[0]


@pytest.mark.parametrize("row", ["nobody", XSS[0], XSS[9]])
def test_an_unknown_row_in_the_address_is_said_to_be_one(scored, row):
    page(scored, "review", view="Focus", at=row)
    assert not scored.exception and not scored.error
    assert scored.info[0].value.startswith("There is no training row ")
    assert "<script>" not in words(scored) and "![x]" not in words(scored)


def test_skip_decides_nothing_and_begins_again_after_the_last(focus):
    ids = queue_ids()
    press(focus, "Skip")
    assert at(focus) == ids[1] and opened().states() == {}
    page(focus, "review", view="Focus", at=ids[-1])
    assert button(focus, "Next").disabled
    press(focus, "Skip")
    assert at(focus) == ids[0]


def test_the_last_decision_leaves_nothing(focus):
    first, *others = queue_ids()
    opened().decide("keep", others)
    focus.run()
    assert button(focus, "Skip").disabled
    press(focus, "Keep")
    assert "Nothing is left here" in focus.success[0].value
    focus.sidebar.button(key="sidebar-undo").click().run()
    assert at(focus) == first


def test_another_filter_begins_at_its_first_row(focus):
    press(focus, "Next")
    focus.selectbox(key="class").set_value("good").run()
    assert not focus.exception and at(focus) == queue_ids(label="good")[0]


def test_blind_hides_all_that_speaks_of_the_label_until_a_class_is_chosen(scored):
    page(scored, "review", view="Blind")
    item = opened().queue()[0]
    hidden = ("labelled", "Suggestion", '"fw-reasons"', '"fw-score"', '"fw-verdict"')
    assert item.id in words(scored) and not [each for each in hidden if each in words(scored)]
    labels = {each.label for each in scored.main.button}
    assert not labels & {"Keep", "Inspect"} and {"Flag", "Remove", "Skip", "bad", "good"} <= labels
    assert [button(scored, name).proto.shortcut for name in ("bad", "good")] == ["1", "2"]
    press(scored, item.label)
    assert f"You say <b>{item.label}</b>, and so does the label." in words(scored)
    assert all(each in words(scored) for each in hidden)
    assert button(scored, "Keep").proto.type == "primary"
    press(scored, "Keep")
    entry = opened().log()[0]
    assert (entry.action, entry.row_id, entry.reason) == ("keep", item.id, f"blind: called it {item.label}")
    assert not [each for each in hidden if each in words(scored)]  # the next row is hidden again


def test_blind_another_opinion_is_a_new_label_at_a_click(scored):
    page(scored, "review", view="Blind")
    item = opened().queue()[0]
    other = next(each for each in opened().manifest.classes if each != item.label)
    press(scored, other)
    assert f"You say <b>{other}</b>; the label says <b>{item.label}</b>." in words(scored)
    assert opened().states() == {} and button(scored, "Keep").proto.type == "secondary"
    assert button(scored, f"Relabel as {other}").proto.type == "primary"
    assert button(scored, f"Relabel as {other}").proto.shortcut.lower() == "l"
    assert not [each.label for each in scored.main.button if each.proto.shortcut.isdigit()]
    press(scored, f"Relabel as {other}")
    state = opened().states()[item.id]
    assert (state.action, state.label, state.reason) == ("relabel", other, f"blind: called it {other}")
    assert at(scored) == queue_ids()[0] != item.id


@pytest.mark.parametrize("name", ["good\n\x1b[2J", "\u2028", "long" * 1000])
def test_whatever_a_class_is_called_the_log_can_keep_the_opinion(name):
    check_reason(note_of(name))


def test_an_opinion_is_about_one_row(scored):
    page(scored, "review", view="Blind")
    press(scored, "good")
    press(scored, "Next")
    assert "labelled" not in words(scored) and "What would you call it?" in words(scored)


def test_an_opinion_is_of_one_workspace(scored):
    page(scored, "review", view="Blind")
    press(scored, "good")
    about, name = scored.session_state["queue-opinion"]
    scored.session_state["queue-opinion"] = ((about[0].parent / "another", about[1]), name)
    scored.run()
    assert "labelled" not in words(scored) and "What would you call it?" in words(scored)


def test_hostile_texts_are_shown_harmlessly(scored, monkeypatch):
    real = Queue._item
    hostile = " ".join(XSS)
    monkeypatch.setattr(Queue, "_item", lambda queue, place: replace(real(queue, place), text=hostile))
    for view in ("List", "Focus", "Blind"):
        page(scored, "review", view=view)
        assert not scored.exception and not scored.error
        shown = words(scored)
        assert "&lt;script&gt;" in shown
        assert not [each for each in ("<script", "<img", "<svg", "<iframe", "<style>*") if each in shown]


MANY = """
from pathlib import Path
from backend.queue.queue_item import QueueItem
from pages.components.review.blind import ask_opinion
from backend.data.targets.class_space import ClassSpace
from pages.components.review.focus_bar import Bar, decide_bar

classes = [f"class {number}" for number in range(1, 12)]
item = QueueItem(1, "r1", "a", None, "class 10", None, "undecided", 0.9, [], "flag", None, None)
bar = Bar(Path("."), "r1", None, None)
{draw}
"""


@pytest.mark.parametrize(
    ("draw", "listed"),
    [
        ("ask_opinion(bar, classes)", range(1, 12)),
        ("decide_bar(bar, item, ClassSpace(tuple(classes)))", [*range(1, 10), 11]),
    ],
)
def test_of_more_than_nine_classes_all_are_in_a_list(draw, listed, monkeypatch):
    monkeypatch.setattr("pages.components.review.focus_bar.likely_classes", lambda path, row: {})
    app = AppTest.from_string(MANY.replace("{draw}", draw)).run()
    assert not app.exception
    numbered = [each.label for each in app.button if each.proto.shortcut.isdigit()]
    assert numbered == [f"class {number}" for number in range(1, 10)]
    assert app.selectbox[0].options == [f"class {number}" for number in listed]


def test_place_of_a_row():
    queue = SimpleNamespace(ids=["a", "b", "c", "d"], undecided=[True, False, True, False])
    places = [place_of(queue, row) for row in "abcd"]  # type: ignore[arg-type]
    assert [(each.before, each.after, each.onward) for each in places if each] == [
        (None, "b", "c"),
        ("a", "c", "c"),
        ("b", "d", "a"),
        ("c", None, "a"),
    ]
    assert place_of(queue, "e") is None  # type: ignore[arg-type]
    queue.undecided = [False] * 4
    assert place_of(queue, "d").onward == "a"  # type: ignore[union-attr, arg-type]
