"""The Changes page: the log, freezing, comparing and restoring versions."""

from streamlit.testing.v1 import AppTest

from backend.review.diff import Diff, RowChange
from pages.components.changes.diff_tables import per_class
from tests.pages.driver import new_app, opened, page, words
from tests.pages.factories import XSS

COMPARE = {"changes": "Compare versions"}


def button(app: AppTest, label: str):
    return next(each for each in app.button if each.label == label)


def test_freeze_names_what_is_decided(app):
    opened().remove("r1")
    page(app, "changes")
    assert not app.exception and "raw + 1 change" in words(app)
    app.text_input(key="freeze-message").set_value(XSS[0])
    button(app, "Freeze").click().run()
    assert not app.exception and [each.message for each in opened().versions()] == [XSS[0]]
    assert ">v1<" in words(app) and button(app, "Freeze").disabled
    opened().flag("r2")
    app.run()
    assert "v1 + 1 change" in words(app) and not button(app, "Freeze").disabled
    button(app, "Freeze").click().run()  # without a message
    assert len(opened().versions()) == 1 and "say in a line" in app.toast[0].value
    app.segmented_control(key="changes").set_value("compare").run()
    shown = words(app)
    assert "<script" not in shown and "&lt;script" in shown and "1 removed, 0 relabelled" in shown


def test_two_versions_are_compared_row_by_row(app):
    ws = opened()
    label, other = ("good", "bad") if ws.train_split.labels[1] == "good" else ("bad", "good")
    ws.review.relabel("r1", other, reason=XSS[1])
    ws.review.freeze("first")
    ws.review.decide("remove", [f"r{n}" for n in range(10, 22)], reason="copies")
    ws.review.relabel("r1", label)
    page(app, "changes", **COMPARE)
    assert not app.exception and "From v1 to now, 13 rows changed." in words(app)
    assert sum(each.label == "Inspect" for each in app.button) == 10  # a page of them
    app.selectbox(key="difference").set_value("relabelled back").run()
    assert sum(each.label == "Inspect" for each in app.button) == 1
    app.selectbox(key="since").set_value("raw").run()
    app.selectbox(key="until").set_value("v1").run()
    shown = words(app)
    assert "From raw to v1, 1 row changed." in shown and "<img" not in shown and "&lt;img" in shown
    button(app, "Inspect").click().run()
    assert not app.exception and app.session_state["row"] == "r1"


def test_restore_shows_what_it_does_and_is_undone_at_once(app):
    ws = opened()
    ws.review.decide("remove", ["r1", "r2"], reason="odd")
    ws.review.freeze("first")
    ws.review.undo()
    ws.review.flag("r3")
    before = ws.review.states()
    page(app, "changes", **COMPARE)
    button(app, "Restore").click().run()
    assert "3 rows will be decided as in v1" in words(app) and opened().states() == before
    button(app, "Restore v1").click().run()
    assert not app.exception and set(opened().states()) == {"r1", "r2"}
    assert "v1 and now decide the same" in words(app)
    app.segmented_control(key="changes").set_value("log").run()
    shown = words(app)
    assert not app.exception and "restore v1" in shown and "taken back" in shown and "3 rows" in shown
    assert any(each.label.startswith("Undo: restore v1") for each in app.button)
    button(app, "Revert").click().run()
    assert opened().states() == before


def test_nothing_is_frozen_yet(app):
    opened().keep("r1")
    page(app, "changes", **COMPARE)
    assert not app.exception and "Nothing is frozen yet" in words(app)
    assert "From raw to now, 1 row changed." in words(app) and "No row has another label" in words(app)


def test_an_address_with_a_version_that_is_not_there(app):
    opened().keep("r1")
    page(app, "changes", **COMPARE, since="v9", difference="<b>")
    assert not app.exception and "From raw to now" in words(app)


def test_classes_that_are_not_listed_are_counted():
    rows = tuple(RowChange(f"r{n}", ("removed",), f"c{n:03}", f"c{n:03}", "", "") for n in range(60))
    shown = per_class(Diff("raw", "now", rows))
    assert "c049" in shown and "c050" not in shown and "and 10 more classes" in shown


def test_the_log_of_one_row(app):
    workspace = opened()
    workspace.review.flag("r1", "r2")
    workspace.review.keep("r3")
    page(app, "changes", **{"of-row": "r3"})
    shown = words(app)
    assert "r3" in shown and "2 rows" not in shown
    assert "No entry fits" in words(page(new_app(), "changes", **{"of-row": "r9"}))
