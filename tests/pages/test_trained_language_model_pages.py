"""The pages that show rows and scores, on a workspace of a trained language model: answers are no classes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from backend.influence.rowstore.settings import PrecomputeSettings
from backend.workspace import Workspace
from tests import language_workspace
from tests.audit.test_language_sources import SETTINGS, created
from tests.pages.driver import new_app, opened, page, words

OF_CLASSES = re.compile(r"\b(class|classes|labelled|relabelled|misclassified|accuracy)\b", re.IGNORECASE)
RAW = ('"turns"', '"texts"', "[null", ",null]", "<|im")
VISITS = (
    *(("overview", {}), ("explore", {}), ("explore", {"rows": "Eval rows"}), ("review", {})),
    *(("review", {"view": "Focus"}), ("scores", {}), ("scores", {"about": "wrong"}), ("words", {})),
    *(("sources", {}), ("inspect", {})),
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language_workspace, "created", created)
        made = language_workspace.trained(tmp_path_factory.mktemp("pages"))
    made.precompute(PrecomputeSettings(device="cpu"))
    made.compute_influence(device="cpu")
    made.scores.compute((), SETTINGS)
    made.audit.compute_words(device="cpu")
    made.audit.compute_sources(SETTINGS)
    return made


@pytest.fixture
def app(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AppTest:
    """The app, with embeddings of all rows, as if they had been computed."""
    points = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)
    monkeypatch.setattr(Workspace, "has_embeddings", lambda *_: True)
    monkeypatch.setattr(Workspace, "embeddings", lambda self, split: points[: len(self.split(split))])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(workspace.path))
    return new_app()


def visible(app: AppTest) -> str:
    """What is written on the page, tags aside, and what can be chosen."""
    text = re.sub(r"<(style|script)>.*?</\1>", " ", words(app), flags=re.DOTALL)
    chosen = [str(option) for each in (*app.selectbox, *app.multiselect) for option in each.options]
    titles = [str(name) for each in app.dataframe for name in each.value.columns]
    return "\n".join([re.sub(r"<[^>]+>", " ", text), *chosen, *titles])


@pytest.mark.parametrize(("name", "query"), VISITS)
def test_answers_are_neither_classes_nor_json(app: AppTest, name: str, query: dict[str, str]) -> None:
    page(app, name, **query)
    assert not app.exception and not app.error
    shown = visible(app)
    assert [each for each in OF_CLASSES.findall(shown) if each] == []
    values = "".join(str(each.value.to_dict()) for each in app.dataframe)
    assert not [each for each in RAW if each in shown + values]


def test_the_map_has_no_colour_for_every_answer(app: AppTest) -> None:
    page(app, "explore")
    (colours,) = (each for each in app.selectbox if each.label == "Colour by")
    assert colours.value == "decision" and "class" not in colours.options
    (chart,) = app.get("plotly_chart")
    drawn = json.loads(chart.proto.spec)["data"]
    assert {each["name"] for each in drawn} == {"rows that don't fit the filter", "undecided"}


def test_losses_are_those_of_a_token(app: AppTest) -> None:
    page(app, "explore")
    (table,) = app.dataframe
    losses = opened().predictions("train").loss
    assert table.value["loss per token"].tolist() == pytest.approx(losses.tolist())


def test_what_is_corrected_is_called_so(app: AppTest) -> None:
    for name in ("explore", "review"):
        page(app, name)
        (decisions,) = (each for each in app.selectbox if each.label == "Decision")
        assert "corrected" in decisions.options and "relabelled" not in decisions.options


def test_tokens_of_the_strip_are_what_is_read(app: AppTest) -> None:
    page(app, "inspect", row="eAda-0")
    assert not app.exception
    strip = re.search(r'class="fw-strip".*?</div>', words(app), re.DOTALL)
    assert strip is not None and "born" in strip.group() and "Ġ" not in strip.group()
