"""What is missing of a workspace: one button on every page that lacks something, and what is still coming."""

import pytest

from backend.everything import plan
from pages.components import job_panel
from pages.components.missing import APART, BUTTON
from tests.pages.driver import new_app, opened, page, words
from tests.pages.test_jobs_page import put_job

EMPTY = ("overview", "explore", "words", "sources", "scores", "review", "retrain", "changes")


@pytest.fixture
def lacking(erring_workspace, monkeypatch, tmp_path):
    """The app on a workspace that is traced, and of which nothing else is known."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(erring_workspace.path))
    erring_workspace.folder.forget("words")
    return new_app()


@pytest.mark.parametrize("name", EMPTY)
def test_every_page_that_lacks_something_offers_all_of_it_once(lacking, name):
    page(lacking, name)
    assert not lacking.exception and all("hardly learnt" in each.value for each in lacking.error)
    assert [each.label for each in lacking.main.button].count(BUTTON) == 1
    said = next(each.value for each in lacking.caption if each.value.startswith("about "))
    due = [each for each in plan(opened()) if each.is_due]
    assert len(due) == 5 and said.count(",") == 4


def test_the_button_starts_the_command(lacking, monkeypatch):
    started: list[list[str]] = []
    monkeypatch.setattr(job_panel, "start_command", lambda args, logs: started.append(args))
    page(lacking, "sources")
    next(each for each in lacking.main.button if each.label == BUTTON).click().run()
    assert started == [["all", str(opened().path)]]


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("command", ["all", "scores"])
def test_while_something_is_computed_pages_say_what_is_still_coming(lacking, process, name, command):
    args = [command, str(opened().path)]
    put_job(args, process, state="running", stage="step 2 of 5, words: errors", done=1, total=4)
    page(lacking, name)
    assert not lacking.exception and all("hardly learnt" in each.value for each in lacking.error)
    assert BUTTON not in [each.label for each in lacking.main.button]
    assert "Still coming, about" in words(lacking)
    assert lacking.main.get("progress")[0].proto.value == 25


def test_where_nothing_is_missing_nothing_is_offered(lacking, monkeypatch):
    monkeypatch.setattr("pages.components.missing.plan", lambda workspace: [])
    for name in ("overview", "changes", "retrain"):
        page(lacking, name)
        assert not lacking.exception and BUTTON not in [each.label for each in lacking.main.button]


ALL = {"show": "All scores"}
PAIR = {"test": "", "train": ""}  # filled in by the test
BESIDE = [
    *(("scores", ALL, ["scores", "--only", name]) for name in ("grand", "neighbours")),
    *(("scores", {"show": "One score"}, ["scores", "--only", name]) for name in ("grand", "neighbours")),
    *(("scores", ALL, [command]) for command in ("influence", "precompute", "all")),
    *(("retrain", {}, args) for args in (["retrain", "--strategy=prune"], ["forecast"], ["words"])),
    *(("pair", PAIR, args) for args in (["influence"], ["prepare", "embedding"], ["all"])),
    *(("overview", {}, args) for args in (["influence"], ["retrain"])),
]


@pytest.mark.parametrize(("name", "query", "job"), BESIDE, ids=str)
def test_a_panel_of_the_same_job_can_stand_beside_it(lacking, process, name, query, job):
    put_job([job[0], str(opened().path), *job[1:]], process, state="running", stage="x", done=1, total=4)
    rows = {"test": opened().eval_split.ids[0], "train": opened().train_split.ids[0]}
    page(lacking, name, **{key: value or rows[key] for key, value in query.items()})
    assert not lacking.exception
    assert (BUTTON if job[0] in APART else "Stop") in labels(lacking)


def test_what_computes_nothing_of_it_does_not_hold_up_what_is_missing(lacking, process):
    put_job(["append", str(opened().path), "--dry-run"], process, state="running", stage="x", done=1, total=4)
    page(lacking, "sources")
    assert not lacking.exception and BUTTON in labels(lacking)


def labels(app) -> list[str]:
    return [each.label for each in app.main.button]
