"""Copies and contradictions in lists: which text, with which label, and who decided about it."""

import re

import pytest

from backend.scores.settings import ScoreSettings
from tests.pages.driver import new_app, opened, page, words
from tests.scores.helpers import tiny_encoder, workspace_of

TRAIN = [
    ("a fine film", "good"),
    ("A fine  FILM", "bad"),
    ("a dull film with a bad cast", "bad"),
    ("the music is honest", "good"),
]
EVAL = [("a fine film", "bad"), ("a Fine film", "good"), ("a worse story", "bad"), ("honest", "good")]


@pytest.fixture
def copied(monkeypatch, tmp_path):
    """The app on rows with copies in both splits; their neighbours are known."""
    made = workspace_of(tmp_path / "made", TRAIN, EVAL)
    made.compute_scores(["neighbours"], ScoreSettings(encoder=tiny_encoder(made), device="cpu"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(made.path))
    return new_app()


def plain(app) -> str:
    """What the page says, without its tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", words(app)).split())


@pytest.mark.parametrize("view", ["List", "Focus"])
def test_review_shows_the_row_that_is_contradicted_and_copies_in_eval(copied, view):
    page(copied, "review", view=view, at="t0", **{"reason-of": "contradiction"})
    assert not copied.exception and not copied.error
    shown = plain(copied)
    assert "the row that it contradicts A fine FILM t1 labelled bad as it came, undecided" in shown
    assert "same text as eval row e0 and 1 more, labelled bad" in shown
    opened().decide("keep", ["t1"], author="Ann")
    copied.run()
    assert "t1 labelled bad kept by Ann" in plain(copied)


def test_hidden_explanations_hide_the_contradicted_row(copied):
    page(copied, "review")
    assert "the row that it contradicts" in plain(copied)
    copied.toggle(key="explanations").set_value(False).run()
    assert not copied.exception and copied.checkbox
    assert "the row that it contradicts" not in plain(copied)


def test_explore_marks_texts_of_both_splits(copied):
    page(copied, "explore")
    assert not copied.exception and not copied.error
    frame = copied.dataframe[0].value
    assert frame.set_index("id")["same text in"].to_dict() == {"t0": "eval", "t1": "eval", "t2": "", "t3": ""}
