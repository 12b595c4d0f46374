"""The demo of a language model, with a small one in the place of SmolLM2: nothing in it is claimed unread."""

import shutil
from dataclasses import replace

import pytest

from backend.demos import build
from backend.demos.build import (
    FACTS,
    SENTENCES,
    build_demo,
    complete_demo,
    demo_at,
    demo_command,
    demo_of,
    is_complete,
    rest_of,
)
from backend.demos.facts import FactsDemo, planted
from backend.demos.kind import REVIEWER
from backend.errors import InputError
from backend.workspace import Workspace
from tests.language_models import tiny_lm


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The demo with a tiny model, and where its workspace goes."""
    folder = tmp_path_factory.mktemp("facts")
    tiny_lm(folder / "model")
    demo = FactsDemo(str(folder / "model"))
    demo.path = folder / "ws"
    return demo


@pytest.fixture(scope="module")
def built(small):
    """The whole demo, with one epoch where the real one has several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(build.DEMOS, small.task, small)
        plain = small.training()
        patch.setattr(small, "training", lambda: replace(plain, epochs=1.0), raising=False)
        workspace = build_demo(task=small.task)
        before = rest_of(workspace)
        complete_demo(workspace)
    return workspace, before


def test_what_is_wrong_is_corrected_in_the_demos_name_for_every_other_fact(built):
    workspace, _ = built
    contradicted = [each for each in planted().truth if each.wrong is not None]
    corrected, left = contradicted[::2], contradicted[1::2]
    assert corrected and left
    states = workspace.review.states()
    assert set(states) == {row for each in corrected for row in each.wrong_rows}
    for each in corrected:
        for row in each.wrong_rows:
            assert each.corrected[row] in states[row].label and each.wrong not in states[row].label
    assert {entry.author for entry in workspace.review.log()} == {REVIEWER}
    assert all("unread" in entry.reason for entry in workspace.review.log() if entry.action == "relabel")
    assert len(workspace.review.versions()) == 1


def test_its_trial_asks_about_the_facts_and_shows_answers(built):
    workspace, _ = built
    report = workspace.trials.report(workspace.trials.reports()[0])
    contradicted = [each for each in planted().truth if each.wrong is not None]
    assert len(report["queries"]) == 2 * len(contradicted)  # the right words, and the wrong ones
    assert report["answers"] and [arm["name"] for arm in report["arms"]] == ["untouched", "cleaned"]


def test_what_comes_is_said_and_nothing_is_left_to_do(built):
    workspace, before = built
    assert "corrected in the name of" in before and "scores" in before
    assert is_complete(workspace) and rest_of(workspace) == ""


def test_whoever_decided_first_is_left_alone(built, tmp_path):
    workspace, _ = built
    copy = Workspace.open(shutil.copytree(workspace.path, tmp_path / "copy"))
    copy.review.flag(copy.train_split.ids[0], reason="mine")
    assert is_complete(copy)


def test_another_tasks_workspace_is_not_taken_for_the_demo(tiny_workspace, built):
    workspace, _ = built
    with pytest.raises(InputError, match="workspace of other data"):
        build_demo(tiny_workspace.path, task="causal-lm")
    with pytest.raises(InputError, match="workspace of other data"):
        build_demo(workspace.path, task="classification")


def test_demos_are_found_by_task_and_place():
    assert demo_of("causal-lm") is FACTS and demo_command(FACTS) == ["demo", "--task", "causal-lm"]
    assert demo_at(SENTENCES.path) is SENTENCES and demo_command(SENTENCES) == ["demo"]
    assert demo_at(FACTS.path / "other") is None
    with pytest.raises(InputError, match=r"there are demos of classification, .*causal-lm"):
        demo_of("translation")
