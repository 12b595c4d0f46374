"""The Words page of a language model: the job, sides, a chosen word, its conversations."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from backend.influence.rowstore.settings import PrecomputeSettings
from backend.workspace import Workspace
from pages.components.words.word_side import SIDES
from tests.language_workspace import trained
from tests.pages.driver import new_app, page, words


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = trained(tmp_path_factory.mktemp("lm"))
    made.precompute(PrecomputeSettings(device="cpu"))
    made.audit.compute_words(device="cpu")
    return made


@pytest.fixture
def app(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AppTest:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(workspace.path))
    return new_app()


def test_what_is_written_instead_comes_first(app: AppTest, workspace: Workspace) -> None:
    page(app, "words")
    assert not app.exception and not app.error
    found = [each for each in workspace.audit.words().to_pylist() if each["side"] == "instead"]
    table = app.dataframe[0].value
    assert list(table.columns)[-1] == "rows"  # neither labels nor z
    assert table["rows"].tolist() == [each["n_rows"] for each in found[: len(table)]]
    assert "the eval rows that the model says worst" in words(app)
    assert "gets wrong" not in words(app)


@pytest.mark.parametrize("side", ["instead", "written", "read", "template-written", "template-read"])
def test_a_word_leads_to_its_conversations(app: AppTest, workspace: Workspace, side: str) -> None:
    word = next(each for each in workspace.audit.words().to_pylist() if each["side"] == side)
    page(app, "words", **{"word-side": SIDES[side], "word": word["text"]})
    assert not app.exception and not app.error
    listed = workspace.audit.rows_with_token(word["token_id"], side)
    first = (word["top_rows"] if word["net"] < 0 else word["best_rows"])[0]
    shown = words(app)
    assert len(listed) == word["n_rows"] and first in shown
    assert 'class="fw-conversation"' in shown and '"turns"' not in shown
    app = next(each for each in app.button if each.label == "Word by word").click().run()
    assert not app.exception and not app.error
    assert "All together" in words(app) and "fw-word" in words(app)


def test_a_word_that_is_not_there_is_said(app: AppTest) -> None:
    page(app, "words", **{"word": "zebra"})
    assert "no training row shares it with the eval rows that the model says worst" in app.warning[0].value
