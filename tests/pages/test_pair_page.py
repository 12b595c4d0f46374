"""The Pair page: what it draws adds up to the score, and it can be reached by its address."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.influence.answers.explanation import Histogram, Pair, Query, WordPair
from pages.components.badges import label_badge
from pages.components.numbers import Unit
from pages.components.pair.pair_drawing import ALWAYS_DRAWN, pair_drawing
from pages.components.pair.pair_words import pair_sentence, pair_sum
from tests.pages.driver import new_app, opened, page, words
from tests.pages.factories import XSS, entry, scores, texts, words_of


def pair_of(query: str, train: str, parts: list[float], special: float, rounding: float = 0.0) -> Pair:
    """Every word with every word, as far as ``parts`` go."""
    mine, theirs = words_of(query, [1.0] * 50), words_of(train, [1.0] * 50)
    both = [(one, other) for one in mine for other in theirs]
    pairs = [WordPair(one, other, part) for (one, other), part in zip(both, parts, strict=False)]
    score = sum(each.score for each in pairs) + special + rounding
    shown = entry(train, theirs, mine, special, score=score)
    asked = Query(query, None, "good", "good", {"good": 0.6, "bad": 0.4})
    every = Histogram([-1.0, 0.0, 1.0], [20, 39])
    return Pair(asked, shown, (score > 0) - (score < 0), True, False, "we", "dot", 60, every, pairs)


@settings(max_examples=200, deadline=None)
@given(texts, texts, st.lists(scores, max_size=60), scores, st.floats(-1, 1))
def test_what_is_drawn_adds_up_to_the_score(query, train, parts, special, rounding):
    pair = pair_of(query, train, parts, special, rounding)
    drawing = pair_drawing(pair, Unit.of([pair.entry.score]))
    size = sum(abs(each.score) for each in pair.pairs) + abs(special) + 1
    *rows, total = drawing.rows
    assert sum(row.score for row in rows) == pytest.approx(total.score, abs=2e-6 * size)  # less is not a row
    assert total.score == pair.entry.score
    drawn = sorted(each.score for each in drawing.ribbons)
    every = sorted(each.score for each in pair.pairs if each.score)
    assert len(drawing.ribbons) + drawing.hidden == len(pair.pairs)
    assert len(drawn) == len(every) or len(drawn) >= min(len(every), 50)
    assert sum(each.always for each in drawing.ribbons) == min(ALWAYS_DRAWN, len(drawn))
    assert "".join(piece.text for piece in drawing.query[0]) == query
    assert json.dumps(drawing.to_json(), allow_nan=False)
    assert pair_sentence(pair, drawing.rows) and pair_sum(pair, Unit.of([pair.entry.score]))


def test_each_ribbon_belongs_to_the_row_of_its_words():
    pair = pair_of("a film a", "film A", [0.5, 0.1, -2.0, 0.2, 0.4, 0.3], 0.0)
    drawing = pair_drawing(pair, Unit.of([1.0]))
    for each in drawing.ribbons:
        names = {row.name for row in drawing.rows[each.row : each.row + 1]}
        one, other = (
            "".join(piece.text for piece in side[0] if piece.word == number).lower()
            for side, number in ((drawing.query, each.query), (drawing.train, each.train))
        )
        assert names == {one if one == other else f"{one} – {other}"}
    widths = {abs(each.score): each.width for each in drawing.ribbons}
    assert list(dict(sorted(widths.items())).values()) == sorted(widths.values())


def test_the_sentence_names_what_pulls_along_and_what_against():
    pair = pair_of("witty dull", "witty dull", [3.0, 0.0, 0.0, -1.0], 0.5)
    said = pair_sentence(pair, pair_drawing(pair, Unit.of([1.0])).rows)
    assert "more likely, mainly through “witty” (120 %)" in said
    assert "“dull” (−40 %) pulls the other way" in said and "Special tokens" in said
    nothing = pair_of("a", "b", [], 0.0)
    assert "its score is 0" in pair_sentence(nothing, pair_drawing(nothing, Unit.of([1.0])).rows)


def test_a_deep_link_shows_the_pair_and_a_decision_is_stored(app):
    row = opened().eval_split.ids[0]
    found = opened().explain(row=row, split="eval").proponents[2]
    page(app, "pair", test=row, train=found.id)
    assert not app.exception and not app.error
    shown = words(app)
    assert f"{found.rank} of 60" in shown and "Training on this example made" in shown
    app.button(key="flag-pair").click().run()
    assert not app.exception and opened().states()[found.id].action == "flag"
    assert "flagged" in words(app)


def test_a_card_of_inspect_shows_its_pair_in_place(app):
    page(app, "inspect")
    row = app.session_state["shown"][0][2].row
    shown = opened().explain(row=row, split="eval")
    buttons = [each for each in app.button if each.label == "Show as a pair"]
    assert len(buttons) == len(shown.proponents) + len(shown.opponents)
    app.button(key="pair-helpful-2").click().run()
    assert not app.exception and f"{shown.proponents[1].rank} of 60" in words(app)
    (link,) = [each for each in app.get("page_link") if each.proto.label.startswith("Open as a page")]
    assert f"train={shown.proponents[1].id}" in link.proto.query_string


@pytest.mark.parametrize(
    ("query", "message"),
    [({}, "Give a row or text"), ({"test": "er1000"}, "Give a row or text")],
)
def test_what_is_missing_is_said(app, query, message):
    page(app, "pair", **query)
    assert not app.exception and message in app.info[0].value


@pytest.mark.parametrize("train", ["nobody", *XSS[:3]])
def test_an_unknown_row_is_one_line(app, train):
    page(app, "pair", test=opened().eval_split.ids[0], train=train)
    assert not app.exception and len(app.error) == 1


def test_typed_text_and_another_class(app):
    app = page(
        new_app(),
        "pair",
        train="r3",
        **{"pair-of": "Typed text", "test-text": "a gorgeous film", "why": "bad"},
    )
    assert not app.exception and not app.error
    pair = opened().explain_pair("r3", "a gorgeous film", label="bad")
    assert pair_sentence(pair, pair_drawing(pair, Unit.of([pair.entry.score])).rows) in words(app).replace(
        "&amp;", "&"
    )


def test_what_is_known_of_the_example_and_where_its_score_stands(app):
    workspace = opened()
    text = workspace.train_split.texts[3]
    times = workspace.train_split.texts.count(text)
    page(app, "pair", test=workspace.eval_split.ids[0], train="r3")
    shown = words(app)
    assert label_badge(workspace.predictions("train").predicted[3], "which the model calls") in shown
    assert (f"occurs {times}×" in shown) == (times > 1)
    assert "Among all training examples" in shown and app.get("plotly_chart")
    keyed = {each.label: each.proto.shortcut.upper() for each in app.main.button}
    assert (keyed["Keep"], keyed["Flag"], keyed["Remove"]) == ("K", "F", "X")


def test_a_pair_stays_open_until_the_question_changes(app):
    def is_open() -> bool:
        return any("Open as a page" in each.proto.label for each in app.get("page_link"))

    page(app, "inspect")
    app.button(key="pair-helpful-1").click().run()
    assert is_open()
    app.run()  # as when a job ends
    assert is_open()
    app.button(key="step-next").click().run()
    assert not is_open()
    app.button(key="pair-helpful-1").click().run()
    page(app, "changes")
    page(app, "inspect")
    assert not is_open()


def test_an_unknown_row_is_said_without_the_dashes_of_the_command_line(app):
    page(app, "pair", test="nobody", train="r3")
    assert not app.exception
    assert app.error[0].value.replace("\\", "") == "row nobody: no such id in eval"
