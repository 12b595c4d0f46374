"""The rest of the demo: every page has something to show, and no decision claims a reader."""

import shutil

import pytest

from backend.demos.build import complete_demo, is_complete, rest_of
from backend.demos.kind import REVIEWER
from backend.everything import compute_everything, plan
from backend.handles.review import Review
from backend.handles.scores import Scores
from backend.handles.trials import Trials
from backend.workspace import Workspace


@pytest.fixture(scope="module")
def computed(tiny_template, tmp_path_factory):
    """The folder of a workspace for which `all` has run; nothing is decided."""
    workspace = Workspace.open(shutil.copytree(tiny_template, tmp_path_factory.mktemp("demo") / "ws"))
    compute_everything(workspace)
    return workspace.path


@pytest.fixture
def undecided(computed, tmp_path, monkeypatch):
    """A copy of it, whose trial takes no time."""
    tried: list[int] = []
    monkeypatch.setattr(Trials, "run", lambda self, *_: tried.append(len(self._states())))
    workspace = Workspace.open(shutil.copytree(computed, tmp_path / "undecided"))
    return workspace, tried


@pytest.mark.parametrize("stopped", [1, 8, 9, 12, 15, "freeze"])
def test_a_stop_between_decisions_still_ends_in_the_same_decisions_and_a_version(
    undecided, monkeypatch, stopped, tmp_path
):
    workspace, tried = undecided
    whole = Workspace.open(shutil.copytree(workspace.path, tmp_path / "whole"))
    complete_demo(whole)
    with monkeypatch.context() as patch:
        name, calls = ("freeze" if stopped == "freeze" else "decide"), []
        original = getattr(Review, name)

        def stops(self, *args, **options):
            calls.append(args)
            if stopped in ("freeze", len(calls)):
                raise KeyboardInterrupt
            return original(self, *args, **options)

        patch.setattr(Review, name, stops)
        if stopped == "freeze" or stopped <= len(whole.states()):
            with pytest.raises(KeyboardInterrupt):
                complete_demo(workspace)
            assert not is_complete(workspace)
    complete_demo(workspace)
    assert {row: state.action for row, state in workspace.review.states().items()} == {
        row: state.action for row, state in whole.states().items()
    }
    assert len(workspace.review.versions()) == len(whole.versions()) == 1
    assert tried and set(tried) == {len(whole.states())}


def test_nothing_is_decided_or_tried_where_somebody_has_decided(undecided):
    workspace, tried = undecided
    workspace.review.decide("remove", [workspace.train_split.ids[0]], reason="seen", author="Bob")
    before = workspace.review.log()
    assert is_complete(workspace) and rest_of(workspace) == ""
    complete_demo(workspace)
    assert workspace.review.log() == before and not workspace.review.versions() and not tried


def test_without_suggestions_there_is_nothing_left_to_do(undecided, monkeypatch):
    workspace, tried = undecided
    assert not is_complete(workspace)
    monkeypatch.setattr(Scores, "queue", lambda self, *_: [])
    assert is_complete(workspace) and rest_of(workspace) == ""
    complete_demo(workspace)
    assert not workspace.review.log() and not tried


def test_what_comes_is_said_before(undecided, tiny_workspace):
    said = rest_of(tiny_workspace)
    assert "embeddings, influence, scores" in said and "Ada (demo)" in said and "trial (2 seeds" in said
    workspace, _ = undecided
    assert "influence" not in rest_of(workspace) and "unread" in rest_of(workspace)


def test_the_rest_fills_every_page_and_is_done_once(tiny_workspace):
    assert not is_complete(tiny_workspace)
    complete_demo(tiny_workspace)
    assert not any(step.is_due for step in plan(tiny_workspace))
    log = tiny_workspace.review.log()
    assert log and {entry.author for entry in log} == {REVIEWER}
    decided = [entry for entry in log if entry.row_id]
    assert all("unread" in entry.reason and "rank" in entry.reason for entry in decided)
    changed = [s for s in tiny_workspace.review.states().values() if s.action in ("remove", "relabel")]
    assert len(tiny_workspace.trials.reports()) == bool(changed) == is_complete(tiny_workspace)
    for name in tiny_workspace.trials.reports():
        report = tiny_workspace.trials.report(name)
        assert [arm["name"] for arm in report["arms"]] == ["untouched", "cleaned", "random decisions"]
        assert any("compare the arms with each other only" in note for note in report["notes"])
    complete_demo(tiny_workspace)
    assert tiny_workspace.review.log() == log and len(tiny_workspace.trials.reports()) == bool(changed)
