"""Two people with the app open at once: decisions are shared; questions, names and messages are not.

AppTest runs one script at a time; the sessions take turns, as they do on a server between their clicks.
"""

import shutil
import threading
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from backend.workspace import Workspace
from pages.components.workspaces import working
from tests.pages.driver import another_session, opened, page, words
from tests.pages.test_jobs_page import put_job


@pytest.fixture
def ada(app) -> AppTest:
    return named(app, "Ada")


@pytest.fixture
def ben(ada) -> AppTest:
    """After Ada's session, which is that of the cleared caches."""
    return named(another_session(), "Ben")


@pytest.fixture
def other(tiny_workspace, tmp_path) -> Workspace:
    """A second workspace with the same rows, where the app finds it."""
    return Workspace.open(shutil.copytree(tiny_workspace.path, tmp_path / "cache/other"))


def named(app: AppTest, name: str) -> AppTest:
    app.run()
    return app.sidebar.text_input(key="author").set_value(name).run()


def in_workspace(app: AppTest, name: str) -> AppTest:
    return app.run().sidebar.selectbox(key="ws").set_value(name).run()


def running_line(app: AppTest) -> str:
    return "".join(each.proto.label for each in app.sidebar.get("page_link")).replace("\\", "")


def test_a_decision_is_seen_by_the_other_and_can_only_be_undone_by_who_made_it(ada, ben):
    row = opened().eval_split.ids[0]
    for app in (ada, ben):
        page(app, "inspect", row=row, errors="false")
    assert "removed" not in words(ben)
    ada.button(key="remove-helpful-1").click().run()
    ((decided, state),) = opened().states().items()
    assert state.action == "remove"
    ben.run()
    assert "removed" in words(ben) and not ben.toast and not ben.exception
    assert ben.button(key="remove-helpful-1").disabled and ben.button(key="sidebar-undo").disabled
    assert f"remove {decided}" in ada.button(key="sidebar-undo").label
    page(ben, "changes")
    assert "Ada" in words(ben) and decided in words(ben)


def test_who_comes_second_is_told_and_overrides_nothing(ada, ben):
    for app in (ada, ben):
        page(app, "inspect", row=opened().eval_split.ids[0], errors="false")
    ada.button(key="flag-helpful-1").click().run()
    ben.button(key="remove-helpful-1").click().run()
    assert [each.action for each in opened().states().values()] == ["flag"]
    assert "Ada" in ben.toast[0].value and "nothing was stored" in ben.toast[0].value
    ben.button(key="remove-helpful-1").click().run()
    assert [each.action for each in opened().states().values()] == ["remove"], "by now it had been shown"
    assert [each.author for each in opened().log()] == ["Ben", "Ada"]


def test_each_undoes_and_redoes_what_is_theirs(ada, ben):
    for app in (ada, ben):
        page(app, "inspect", row=opened().eval_split.ids[0], errors="false")
    ada.button(key="flag-helpful-1").click().run()
    ben.run().button(key="keep-helpful-2").click().run()
    ada.run().sidebar.button(key="sidebar-undo").click().run()
    assert [each.action for each in opened().states().values()] == ["keep"]
    ben.run().sidebar.button(key="sidebar-undo").click().run()
    assert opened().states() == {}
    ada.run().sidebar.button(key="sidebar-redo").click().run()
    assert [each.action for each in opened().states().values()] == ["flag"]
    assert not ada.exception and not ben.exception


def test_questions_and_filters_stay_ones_own(ada, ben):
    first, second = opened().eval_split.ids[:2]
    page(ada, "inspect", row=first, errors="false")
    page(ben, "inspect", row=second, errors="false")
    ada.selectbox(key="score").set_value("dot").run()
    ada.text_input(key="reason-inspect").set_value("of Ada").run()
    ben.run()
    asked = {app: app.session_state["shown"][0][2] for app in (ada, ben)}
    assert (asked[ada].row, asked[ben].row) == (first, second)
    assert asked[ada].score == "dot" != asked[ben].score
    ben.button(key="keep-helpful-1").click().run()
    assert [(each.author, each.reason) for each in opened().log()] == [("Ben", "")]
    page(ada, "explore", **{"of-class": "good"})
    page(ben, "explore")
    assert len(ada.dataframe[0].value) < len(ben.dataframe[0].value)


def test_a_job_is_on_both_pages_and_its_end_is_said_to_each_once(ada, ben, process):
    args = ["scores", str(opened().path)]
    put_job(args, process, state="running", stage="folds", done=1, total=4)
    for app in (ada, ben):
        page(app, "export")
        assert "Folds 1 of 4" in running_line(app)
    put_job(args, process, state="done", stage="folds", done=4, total=4)
    for app in (ada, ben):
        assert app.run().toast and not running_line(app)
    for app in (ada, ben):
        assert not app.run().toast


def test_what_one_stops_has_ended_for_the_other(ada, ben, process):
    name = put_job(["scores", str(opened().path)], process, state="running", stage="folds", done=1, total=4)
    for app in (ada, ben):
        page(app, "jobs")
    ada.button(key=f"stop-{name}").click().run()
    process.wait(timeout=10)
    ben.run()
    assert "0 running, 1 ended" in words(ben) and "stopped" in words(ben) and not ben.exception


def test_progress_is_that_of_the_workspace_one_looks_at(ada, ben, other, process):
    put_job(["scores", str(opened().path)], process, state="running", stage="folds", done=1, total=4)
    page(ada, "scores")
    page(in_workspace(ben, "other"), "scores")
    assert [each.proto.text for each in ada.main.get("progress")] == ["Folds 1 of 4"]
    assert not ben.main.get("progress") and "Folds 1 of 4" in running_line(ben)
    offered = [[each.label for each in app.main.button] for app in (ada, ben)]
    assert "Stop" in offered[0] and "Compute dynamics" not in offered[0]
    assert "Stop" not in offered[1] and "Compute dynamics" in offered[1]


def test_decisions_are_those_of_the_workspace_one_looks_at(ada, ben, other):
    row = opened().eval_split.ids[0]
    page(ada, "inspect", row=row, errors="false")
    page(in_workspace(ben, "other"), "inspect", row=row, errors="false")
    ada.button(key="remove-helpful-1").click().run()
    ben.run()
    assert "removed" in words(ada) and "removed" not in words(ben)
    ben.button(key="keep-helpful-1").click().run()
    assert [each.action for each in opened().states().values()] == ["remove"]
    assert [each.action for each in other.states().values()] == ["keep"]


def test_decisions_wait_for_no_lock_of_the_workspace(ada, ben):
    for app in (ada, ben):
        page(app, "inspect", row=opened().eval_split.ids[0], errors="false")
    with opened().folder.lock():  # as while a job computes
        ada.button(key="flag-helpful-1").click().run()
        ben.run()
    assert not ada.exception and not ada.error and "flagged" in words(ben)


def test_who_waits_for_the_models_keeps_nobody_from_pages_without_them(ada, ben):
    path, done = Path(opened().path), threading.Event()
    with working(path):  # as while another session's question is answered
        for name in ("changes", "explore", "overview", "export"):
            page(ben, name)
            assert not ben.exception and not ben.error, name
        asking = threading.Thread(target=lambda: (asked(path), done.set()))
        asking.start()
        assert not done.wait(0.2), "a question does wait"
    asking.join(timeout=60)
    assert done.is_set()
    page(ada, "inspect", row=opened().eval_split.ids[0], errors="false")
    assert "Helpful" in words(ada) and not ada.exception


def asked(path: Path) -> None:
    with working(path) as workspace:
        workspace.explain("a witty film", k=1)
