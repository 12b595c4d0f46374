"""The Words page: the job, the table, a chosen word, its rows, decisions, words of one row."""

import re

import pytest

from pages.components.words.words_table import matching
from tests.pages.driver import new_app, opened, page, words


@pytest.fixture
def with_words(erring_workspace, monkeypatch, tmp_path):
    """The app on a workspace whose words are computed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(erring_workspace.path))
    return new_app()


def test_the_job_is_offered_where_there_are_no_words(with_words):
    opened().folder.forget("words")
    page(with_words, "words")
    assert not with_words.exception and not with_words.error
    assert "has not been computed yet" in with_words.info[0].value
    offered = [each.label for each in with_words.main.button]
    assert offered[:2] == ["Compute what is missing", "Compute words"]
    assert re.search(r"about .*words \d", words(with_words))


def test_without_an_error_there_is_no_word_to_ask_for(app):
    assert opened().predictions("eval").correct.all()
    page(app, "words")
    assert not app.exception and [each.label for each in app.main.button] == ["Inspect what is right"]
    assert "No eval row is misclassified, so no word misleads the model there." in app.info[0].value


def test_stale_words_are_not_shown(with_words):
    folder = opened().folder
    index = folder.manifest().artifacts["index"]
    folder.record("index", tuple(index.inputs), id="another", **index.details)
    page(with_words, "words")
    assert not with_words.exception
    assert "stale" in with_words.warning[0].value and not with_words.dataframe


def test_the_most_harmful_words_come_first(with_words):
    page(with_words, "words")
    assert not with_words.exception and not with_words.error
    found = opened().words().to_pylist()
    shown = with_words.dataframe[0].value
    assert shown["word"].iloc[0].startswith(found[0]["token"])
    assert shown["rows"].tolist() == [each["n_rows"] for each in found[: len(shown)]]


def test_search_kind_and_order(erring_workspace):
    table = erring_workspace.audit.words().to_pandas()
    assert matching(table, "", "every", "net").tolist() == list(range(len(table)))
    by_rows = table["n_rows"].iloc[matching(table, "", "word", "n_rows")]
    assert by_rows.is_monotonic_decreasing and len(by_rows) == (table["kind"] == "word").sum()
    assert set(table["kind"].iloc[matching(table, "", "special", "net")]) == {"special"}
    word = table["token"][table["kind"] == "word"].iloc[0]
    assert word in table["token"].iloc[matching(table, word.upper(), "every", "net")].tolist()
    z = table["z"].iloc[matching(table, "", "every", "z")]
    assert z.dropna().is_monotonic_decreasing and z.isna().tolist() == sorted(z.isna())


def test_a_link_to_a_word_shows_the_rows_that_carry_it(with_words):
    word = next(each for each in opened().words().to_pylist() if each["kind"] == "word" and each["top_rows"])
    page(with_words, "words", word=word["token"])
    assert not with_words.exception and not with_words.error
    shown = words(with_words)
    assert f"{word['n_rows']:,} training row" in shown and word["z_label"] in shown
    assert word["top_rows"][0] in shown
    carrying = opened().rows_with_token(word["token_id"])
    assert len(carrying) == word["n_rows"] and set(word["top_rows"]) <= set(carrying)
    with_words.button(key="remove-word-1").click().run()
    assert {row: each.action for row, each in opened().states().items()} == {word["top_rows"][0]: "remove"}
    assert "removed" in words(with_words)
    with_words.button(key="inspect-word-1").click().run()
    assert with_words.session_state["row"] == word["top_rows"][0]


def test_a_row_word_by_word(with_words):
    word = next(each for each in opened().words().to_pylist() if each["kind"] == "word" and each["top_rows"])
    page(with_words, "words", word=word["token"])
    with_words.button(key="row-words-1").click().run()
    assert not with_words.exception and not with_words.error
    found = opened().row_words(word["top_rows"][0])
    shown = words(with_words)
    assert "All together" in shown and "fw-word" in shown
    assert f"training on this row {'raised' if found.score < 0 else 'lowered'}" in shown


def test_an_unknown_word_is_said(with_words):
    page(with_words, "words", word="<b>nowhere")
    assert not with_words.exception and not with_words.error
    assert "not in the table" in with_words.warning[0].value
