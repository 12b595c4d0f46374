"""Findings of the Overview page: each count is that of the rows which the linked page lists."""

import re
from urllib.parse import parse_qs

import pytest

from backend.scores.settings import ScoreSettings
from backend.workspace import Workspace
from tests.pages.driver import new_app, opened, page, words
from tests.scores.helpers import tiny_encoder, workspace_of

LISTED = {  # what a page says about how much it lists
    "review": r"([\d,]+) with a reason",
    "explore": r"([\d,]+) of [\d,]+ training rows",
}


@pytest.fixture
def found(erring_workspace, monkeypatch, tmp_path):
    """The Overview page of a workspace with words, and scores that need an encoder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(erring_workspace.path))
    monkeypatch.setattr(Workspace, "hardly_learnt", lambda self: None)  # 20 eval rows, half of them wrong
    settings = ScoreSettings(encoder=tiny_encoder(erring_workspace), device="cpu")
    erring_workspace.scores.compute(["dynamics", "association", "neighbours"], settings)
    return page(new_app(), "overview")


def lines(app) -> dict[str, int]:
    """Sentence and count of each finding."""
    shown = re.findall(r'class="fw-finding">.*?<b>([\d,]+)</b> (.*?)</span>', words(app))
    return {sentence: int(count.replace(",", "")) for count, sentence in shown}


def links(app) -> list[tuple[str, dict[str, str]]]:
    """Page and parameters that each finding's link leads to, in the order of the findings."""
    found = [each.proto for each in app.main.get("page_link")]
    return [
        (each.page, {name: values[0] for name, values in parse_qs(each.query_string).items()})
        for each in found
    ]


def test_counts_are_those_of_the_pages_that_the_links_open(found):
    assert not found.exception and not found.error
    counted = lines(found)
    assert len(counted) == len(links(found)) >= 4
    for (sentence, count), (target, query) in zip(counted.items(), links(found), strict=True):
        opened_page = page(new_app(), target, **query)
        assert not opened_page.exception and not opened_page.error, sentence
        if target == "inspect":
            assert next(each.label for each in opened_page.expander) == f"Browse {count} errors"
        elif target == "words":
            assert count == len(opened().words())
        else:
            listed = re.search(LISTED[target], words(opened_page))
            assert listed and int(listed[1].replace(",", "")) == count, sentence


def test_a_decision_takes_a_row_out_of_the_findings(found):
    before = lines(found)
    sentence = next(each for each in before if "doubt" in each)
    opened().keep(opened().queue()[0].id)
    found.run()
    assert lines(found)[sentence] == before[sentence] - 1


def test_rows_that_are_in_both_splits_are_found_until_they_are_decided_about(monkeypatch, tmp_path):
    train = [("a fine film", "good"), ("a bad film", "bad"), ("a dull film", "bad"), ("a fine film", "good")]
    made = workspace_of(tmp_path / "made", train, [("a fine film", "good"), ("another bad film", "bad")])
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(made.path))
    monkeypatch.chdir(tmp_path)
    app = page(new_app(), "overview")
    assert not app.exception and not app.error
    (sentence,) = lines(app)
    assert lines(app) == {sentence: 2} and "also stands in eval" in sentence
    target, query = links(app)[0]
    listed = page(new_app(), target, **query)
    assert listed.dataframe[0].value["id"].tolist() == ["t0", "t3"]
    made.remove("t0")
    app.run()
    assert list(lines(app).values()) == [1]
    made.remove("t3")
    app.run()
    assert lines(app) == {}


def test_what_is_not_computed_is_said_with_the_page_that_computes_it(erring_workspace, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTWORD_WORKSPACE", str(erring_workspace.path))
    monkeypatch.setattr(Workspace, "hardly_learnt", lambda self: None)
    erring_workspace.folder.forget("words")
    app = page(new_app(), "overview")
    assert not app.exception and not app.error
    assert "Compute what is missing" in [each.label for each in app.main.button]
    shown = words(app)
    assert "contradictions, wrong labels, near-duplicates: not computed yet" in shown
    assert "misleading words: not computed yet" in shown
    assert {"Compute them on Review", "Compute them on Words"} <= {
        each.proto.label for each in app.main.get("page_link")
    }


def test_what_is_stale_is_named_with_its_job(found):
    folder = opened().folder
    for name in ("index", "dynamics"):
        recorded = folder.manifest().artifacts[name]
        folder.record(name, tuple(recorded.inputs), id="another", **recorded.details)
    found.run()
    assert not found.exception
    assert any(each.value == "stale scores: dynamics, suspicion" for each in found.caption)
    labels = [each.label for each in found.main.button]
    assert "Compute scores again" in labels and "Compute words again" in labels
    shown = words(found)
    assert "misleading words: computed from other data" in shown and "not computed yet" not in shown
    assert "Nothing was found" not in "".join(each.value for each in found.success)


def test_a_damaged_table_of_scores_is_one_line(found):
    workspace = opened()
    next(workspace.folder.scores.glob("neighbours.parquet")).write_bytes(b"PAR1 broken")
    again = page(new_app(), "overview")
    assert not again.exception
    assert "eval row" in " ".join(lines(again))
