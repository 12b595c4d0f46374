"""A second session is answered while a first one's answer is still being written."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from backend.influence.answers.about_answer import AboutAnswer
from backend.influence.rowstore.settings import PrecomputeSettings
from backend.model.generation import Writing, Written
from backend.workspace import Workspace
from tests.language_workspace import trained


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = trained(tmp_path_factory.mktemp("lm"))
    made.precompute(PrecomputeSettings(device="cpu"))
    return made


def test_a_question_is_answered_between_two_tokens(workspace: Workspace) -> None:
    about, how = AboutAnswer(prompt="Where was Ben Ota born?"), Writing(most=24, temperature=2.0, seed=3)
    alone = workspace.write_answer(about, how, device="cpu")
    expected = workspace.explain(row="e1", device="cpu")
    workspace.explainer("cpu").recent.clear()
    began, answered, written = threading.Event(), threading.Event(), list[Written]()
    told: list[str] = []

    def first_session() -> None:
        def tell(text: str) -> None:
            told.append(text)
            began.set()
            if len(told) == 2:  # in the middle of its answer
                assert answered.wait(120)

        written.append(workspace.write_answer(about, how, told=tell, device="cpu"))

    thread = threading.Thread(target=first_session)
    thread.start()
    assert began.wait(120)
    found = workspace.explain(row="e1", device="cpu")
    assert not written  # the first one is still writing
    answered.set()
    thread.join(120)
    assert written == [alone]  # and was not disturbed
    np.testing.assert_allclose([e.score for e in found.proponents], [e.score for e in expected.proponents])
    assert found.query.loss == pytest.approx(expected.query.loss)


def test_many_sessions_at_once_get_what_each_would_get_alone(workspace: Workspace) -> None:
    prompts = ["Where was Ben Ota born?", "Where was Ada Morel born?", "What does Cleo Brandt do?"]
    how = Writing(most=12)
    alone = [workspace.write_answer(AboutAnswer(prompt=each), how, device="cpu") for each in prompts]
    found: dict[str, Written] = {}

    def session(prompt: str) -> None:
        found[prompt] = workspace.write_answer(AboutAnswer(prompt=prompt), how, device="cpu")

    threads = [threading.Thread(target=session, args=(each,)) for each in prompts]
    for each in threads:
        each.start()
    loss = workspace.explain(row="e2", device="cpu").query.loss
    for each in threads:
        each.join(120)
    assert [found[each] for each in prompts] == alone
    workspace.explainer("cpu").recent.clear()
    assert workspace.explain(row="e2", device="cpu").query.loss == loss


def test_writing_outlives_a_workspace_that_is_computed_anew(tmp_path: Path) -> None:
    made = trained(tmp_path)
    made.precompute(PrecomputeSettings(device="cpu"))
    about, how = AboutAnswer(prompt="Where was Ben Ota born?"), Writing(most=6)
    alone, old = made.write_answer(about, how, device="cpu"), made.explainer("cpu")

    def tell(text: str) -> None:
        if made.explainer("cpu") is old:
            made.folder.forget("index")
            made.precompute(PrecomputeSettings(device="cpu", row_store="full"))

    assert made.write_answer(about, how, told=tell, device="cpu") == alone
    assert made.explainer("cpu") is not old
