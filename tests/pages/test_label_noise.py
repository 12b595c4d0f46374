"""How many labels are wrong, as Review and Overview say it; once some are decided, of the rows left."""

import re
import shutil

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from backend.scores.label_noise import rounded
from backend.scores.settings import ScoreSettings
from backend.workspace import Workspace
from pages.components.label_noise import left_of
from pages.components.numbers import typeset
from tests.pages.driver import new_app, opened, page, words
from tests.scores.helpers import tiny_encoder, workspace_of

OTHER = {"good": "bad", "bad": "good"}
WRONG = range(5, 240, 7)
TASTES = {
    "good": [f"sweet{number}" for number in range(12)],
    "bad": [f"sour{number}" for number in range(12)],
}


def tasted(count: int, seed: int) -> list[tuple[str, str]]:
    """Texts of eight words, about seven of which are of their class."""
    draw = np.random.default_rng(seed)
    labels = [("good", "bad")[number % 2] for number in range(count)]
    return [
        (
            " ".join(draw.choice(TASTES[label if draw.random() < 0.85 else OTHER[label]]) for _ in range(8)),
            label,
        )
        for label in labels
    ]


@pytest.fixture(scope="module")
def noisy(tmp_path_factory) -> Workspace:
    """120 rows a class, no model; read it, never change it."""
    train = [
        (text, OTHER[label] if place in WRONG else label)
        for place, (text, label) in enumerate(tasted(240, 0))
    ]
    made = workspace_of(tmp_path_factory.mktemp("noisy"), train, tasted(20, 1))
    made.compute_scores(["label_noise"], ScoreSettings(encoder=tiny_encoder(made), device="cpu"))
    return made


@pytest.fixture
def app(noisy, tmp_path, monkeypatch) -> AppTest:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(shutil.copytree(noisy.path, tmp_path / "ws")))
    return new_app()


def test_review_says_the_estimate_and_which_classes_are_taken_for_which(app):
    page(app, "review")
    assert not app.exception and not app.error
    noise = opened().label_noise()
    assert noise is not None and noise.tells and noise.low <= len(WRONG) <= noise.high
    assert f"Estimated wrong labels: **{typeset(noise.said())}**" in words(app)
    tables = [each.proto.body for each in app.get("html") if "should be" in each.proto.body]
    (flows,) = (re.findall(r"<tr>.*?</tr>", table, re.DOTALL)[1:] for table in tables)
    assert len(flows) == len(noise.flows) == 2, "good for bad, and bad for good"


def test_overview_counts_what_is_still_undecided(app):
    workspace = opened()
    noise = workspace.scores.label_noise()
    assert noise is not None and left_of(workspace, noise) == noise
    table = workspace.scores.table()
    wrong = dict(zip(table.ids, table.values("wrong_label"), strict=True))
    decided = [f"t{place}" for place in WRONG[:10]]
    workspace.review.remove(*decided)
    left = left_of(workspace, noise)
    part = 1 - sum(wrong[row] for row in decided) / sum(wrong.values())
    assert left.rows == noise.rows - 10 and left.wrong == pytest.approx(part * noise.wrong)
    assert left.wrong < (1 - 3 * 10 / 240) * noise.wrong, "what was removed was likely wrong"
    app.run()
    assert not app.exception and not app.error
    assert f"of {left.rows:,} undecided training rows probably wrong" in words(app)
    assert f"({rounded(left.low)} to {rounded(left.high)}, " in words(app)
