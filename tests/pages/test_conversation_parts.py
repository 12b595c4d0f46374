"""What conversations are drawn of: bubbles, words in turns, marks, losses, edits."""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.data.conversation import Conversation, Turn
from backend.data.conversation_text import shown_target
from backend.data.conversations import calls_in_words
from backend.errors import InputError
from pages.components.conversation.bubbles import Bubbles, TemplateTokens
from pages.components.conversation.correction import corrected
from pages.components.conversation.diff_view import diff_view
from pages.components.conversation.loss_strip import TokenLoss, loss_strip, token_losses
from pages.components.conversation.marking import spans_of, words_in, words_within
from pages.components.conversation.shown_text import in_brief
from pages.components.conversation.turn_text import turn_text
from pages.components.conversation.word_diff import carried, word_diff
from pages.components.highlight import Painter
from pages.components.markup import join
from pages.components.numbers import Unit
from pages.components.scale import ColourScale
from tests.pages.factories import XSS, scores, texts
from tests.pages.test_markup import Reader

PAINTER = Painter(ColourScale(1.0), Unit(0, 2))
ELEMENTS = {"div", "details", "summary", "p", "span", "mark", "pre"}
CHAT = Conversation(
    (
        Turn(0, "system", "Be brief."),
        Turn(1, "user", "Who built the mill?"),
        Turn(2, "assistant", "Ida did.", learnt=True),
        Turn(3, "user", "When?"),
        Turn(4, "assistant", "In 1412.", learnt=True),
    ),
    chat=True,
)


@dataclass(frozen=True)
class Word:
    field: str
    start: int
    end: int
    score: float
    side: str = "read"


spans = st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda each: (each[0], sum(each)))
sides = st.sampled_from(["read", "written"])


@st.composite
def drawn_turns(draw):
    text = draw(texts)
    inside = spans.filter(lambda each: each[0] < each[1] <= len(text))
    found = draw(st.lists(inside, max_size=6)) if len(text) else []
    words = [Word("3", a, b, draw(scores), draw(sides)) for a, b in found]
    return Turn(3, "assistant", text, True, tuple(draw(st.lists(spans, max_size=2)))), words


@given(drawn_turns(), st.lists(spans, max_size=2))
def test_a_turns_text_is_all_there_whatever_is_marked_in_it(drawn, marks):
    turn, words = drawn
    read = Reader(join([turn_text(turn, words, PAINTER, marks)]))
    assert set(read.tags) <= ELEMENTS
    shown = read.data.replace(" … ", "").replace(f"show all {len(turn.text):,} charactersshow less", "")
    kept = turn.text.replace(" … ", "")
    assert shown.replace("\x00", "") == kept.replace("\x00", "").replace("\r\n", "\n")


@given(drawn_turns())
def test_the_scores_in_tooltips_are_those_of_the_words(drawn):
    turn, words = drawn
    read = Reader(turn_text(turn, words, Painter(ColourScale(0.0), Unit(0, 9))))
    shown = [
        part
        for name, value in read.attributes
        if name == "title"
        for part in value.split(": ")[-1].split(", ")
    ]
    by_side = {"read": 0.0, "written": 0.0}
    for part in shown:
        side, _, value = part.rpartition(" ")
        if side in by_side:
            by_side[side] += float(value.replace("−", "-").replace(",", ""))
    for side, total in by_side.items():
        assert total == pytest.approx(
            sum(each.score for each in words if each.side == side), abs=1e-6, rel=1e-6
        )


def test_sides_are_told_apart_without_colour():
    turn = Turn(0, "assistant", "Ida did it")
    words = [
        Word("0", 0, 3, 0.5),
        Word("0", 4, 7, 0.5, "written"),
        Word("0", 8, 10, 0.2),
        Word("0", 8, 10, -0.9, "written"),
    ]
    drawn = turn_text(turn, words, PAINTER)
    kinds = [value for name, value in Reader(drawn).attributes if name == "class" and "fw-word" in value]
    assert kinds == [
        "fw-word fw-plus fw-read",
        "fw-word fw-plus fw-written",
        "fw-word fw-minus fw-read fw-written",
    ]
    assert "it: read +0.20, written −0.90 (harms)" in drawn
    assert 'aria-label="Ida, helps: read +0.50"' in drawn


def test_a_long_turn_is_folded_around_its_strongest_word():
    text = "\n".join(f"line {number} of many" for number in range(200))
    at = text.index("line 150")
    drawn = turn_text(Turn(0, "user", text), [Word("0", at, at + 4, 1.0), Word("0", 0, 4, 0.1)], PAINTER)
    before, _, rest = drawn.partition("… </span>")
    window, _, after = rest.partition('<span class="fw-dots"')
    assert 'class="fw-folded"' in before and "line 0 " not in window and "150 of" in window
    assert window.count("\n") < 8 and "199 of" in after and "show all" in after


@pytest.mark.parametrize("hostile", XSS)
def test_hostile_conversations_stay_text(hostile):
    turns = (
        Turn(0, hostile, hostile, more={hostile: hostile}),
        Turn(1, "system", hostile),
        Turn(2, "assistant", hostile, True, ((0, 2),)),
    )
    row = Conversation(turns, True, [{"function": {"name": hostile}}, hostile, 3], frozenset({2}))
    words = [Word("2", 0, 3, 0.5), Word("1", 0, 2, -0.5), Word("9", 0, 1, 1.0)]
    read = Reader(Bubbles(PAINTER, {2: [(1, 3)]}).draw(row, words, TemplateTokens(3, 0.2)))
    strip = Reader(loss_strip([TokenLoss(hostile, 0.3, 0), TokenLoss(hostile, None, 0)], [hostile]))
    diff = Reader(diff_view(hostile, hostile[::-1]))
    assert set(read.tags) <= ELEMENTS and set(strip.tags) <= {"div", "p", "span", "i", "b"}
    assert set(diff.tags) <= {"p", "ins", "del"}


def test_bubbles_say_what_is_learnt_taken_out_folded_and_of_the_template():
    row = Conversation(CHAT.turns, True, [{"function": {"name": "find"}}], frozenset({3, 4}))
    drawn = Bubbles(PAINTER).draw(row, [Word("0", 0, 2, 0.25)], TemplateTokens(34, -0.5))
    said = Reader(drawn).data
    assert said.count("learnt") == 1 and said.count("taken out") == 2
    assert "1 word carries +0.25" in said and "template: 34 tokens carry −0.50" in said and "find" in said
    assert drawn.index("<details") < drawn.index(" brief.") and said.count("user") == 2
    plain = Bubbles().draw(row, [Word("1", 0, 3, 0.5)], TemplateTokens(1))
    assert "mark" not in Reader(plain).tags and "template: 1 token" in plain and "carr" not in plain


@given(texts, texts)
def test_a_diff_holds_both_texts(old, new):
    pieces = word_diff(old, new)
    assert "".join(each.text for each in pieces if each.kind != "in") == old
    assert "".join(each.text for each in pieces if each.kind != "out") == new
    assert all(a.kind != b.kind for a, b in pairwise(pieces))


def test_a_diff_is_by_words():
    found = [(each.kind, each.text) for each in word_diff("built in 1412 by Ida", "built in 1621 by Ida")]
    assert found == [("same", "built in "), ("out", "1412"), ("in", "1621"), ("same", " by Ida")]


def test_a_diff_of_two_long_texts_does_not_compare_all_with_all():
    old, new = ("a b " * 30_000, "c d " * 30_000)
    assert [each.kind for each in word_diff(old, new)] == ["out", "in", "same"]


@given(texts, texts, st.lists(spans, max_size=3))
def test_spans_are_carried_over_an_edit_with_their_words(old, new, found):
    inside = [(a, b) for a, b in found if a < b <= len(old)]
    moved = carried(inside, old, new)
    assert carried(inside, old, old) == tuple(sorted(inside))
    assert {new[a:b] for a, b in moved} <= {old[a:b] for a, b in inside}


@given(texts, st.sets(st.integers(0, 30)))
def test_marks_are_whole_words(text, chosen):
    words = words_in(text)
    assert "".join(text[a:b] for a, b in words) == "".join(text.split()) or any(
        each.isspace() for each in text
    )
    found = spans_of(text, chosen)
    assert set(words_within(text, found)) == {each for each in chosen if each < len(words)}
    assert all(0 <= a < b <= len(text) and text[a:b] == text[a:b].strip() for a, b in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ida's 3 mills, don’t.", ["Ida's", "3", "mills", ",", "don’t", "."]),
        ("hi 👩‍👩‍👧👍🏽 ❤️", ["hi", "👩‍👩‍👧", "👍🏽", "❤️"]),
        ("東京 city שלום", ["東", "京", "city", "שלום"]),
    ],
)
def test_words_that_can_be_marked(text, words):
    assert [text[a:b] for a, b in words_in(text)] == words


def test_a_turn_is_corrected_masked_and_taken_out():
    target = corrected(CHAT, 4, "In 1621.", [(3, 7)], False)
    assert target.texts == {2: "Ida did.", 4: "In 1621."} and target.masked == {4: ((3, 7),)}
    row = Conversation.of(CHAT.context(), target.text())
    assert row.turns[4].text == "In 1621." and row.turns[4].masked == ((3, 7),)
    out = corrected(row, 1, removed=True)
    assert out.removed == {1} and out.masked == target.masked
    assert corrected(Conversation.of(CHAT.context(), out.text()), 1, removed=False).text() == target.text()
    assert corrected(CHAT, 4, CHAT.turns[4].text, (), False).text() == CHAT.target().text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"text": "  "}, "the text is blank"),
        ({"removed": True}, "no answer would be left"),
        ({"masked": [(0, 3), (3, 8)]}, "no word would be left to learn"),
    ],
)
def test_a_row_that_teaches_nothing_is_refused(change, said):
    row = Conversation(CHAT.turns[:3], True)
    with pytest.raises(InputError, match=said):
        corrected(row, 2, **change)


def test_rows_in_brief():
    assert in_brief(CHAT) == "When? → In 1412."
    assert in_brief(Conversation(CHAT.turns, removed=frozenset({3, 4}))) == "Who built the mill? → Ida did."
    assert in_brief(Conversation((Turn(0, "text", "All\n of it", learnt=True),))) == "All of it"
    call = {"function": {"name": "lookup", "arguments": {"city": "Köln"}}}
    called = Turn(1, "assistant", "", learnt=True, more={"tool_calls": [call, "odd"]})
    asked = Conversation((Turn(0, "user", "Where?"), called))
    assert in_brief(asked) == 'Where? → lookup({"city": "Köln"}), "odd"'
    odd = [{"name": "f", "parameters": {"on": date(2020, 1, 1)}}, {"name": "g", "arguments": None}]
    assert calls_in_words({"function_call": odd}) == 'f({"on": "2020-01-01"}), g()'
    assert "lookup({&quot;city&quot;: &quot;Köln&quot;})" in str(Bubbles().draw(asked))


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("Ida did.", "Ida did."),
        (CHAT.target().text(), "Ida did. → In 1412."),
        ("[1, 2", "[1, 2"),
        ('["","a model"]', "(no text) → a model"),
        ("[1, 2]", "[1, 2]"),
        (
            corrected(CHAT, 4, masked=[(0, 2)], removed=False).text(),
            "Ida did. → In 1412. (words out of the loss)",
        ),
        (corrected(CHAT, 3, removed=True).text(), "Ida did. → In 1412. (turns taken out: 1)"),
    ],
)
def test_targets_as_a_person_reads_them(target, shown):
    assert shown_target(target) == shown


def test_losses_of_tokens():
    tokens = token_losses(
        ["<|im_start|>", "\n", " Ida", " did", "<|im_end|>"],
        [None, None, None, 2.0, 0.5],
        [-1, -1, 0, 0, -1],
        [False, False, False, True, False],
    )
    drawn = loss_strip(tokens, ["assistant"])
    read = Reader(drawn)
    assert "im_start" not in read.data and "2 tokens in the loss, 1.25 nats each; 3 others" in read.data
    titles = [value for name, value in read.attributes if name == "title"]
    assert titles == [
        "2 tokens of the template, not in the loss",
        "not in the loss",
        "\u00a0did: 2.000 nats, probability 0.14",
        "1 token of the template, 1 in the loss with 0.50 nats",
    ]


@given(st.lists(st.tuples(st.floats(), st.integers(-1, 3)), max_size=20))
def test_any_losses_can_be_drawn(rows):
    loss_strip([TokenLoss("a", loss, turn if turn >= 0 else None) for loss, turn in rows])


def test_a_conversation_of_many_turns_is_drawn_whole_and_folded():
    said = ("👩‍👩‍👧 שלום " * 300, "x" * 5_000, "\n" * 50, "word " * 4_000)
    turns = tuple(
        Turn(number, ("user", "assistant", "tool")[number % 3], said[number % 4], number % 3 == 1)
        for number in range(20)
    )
    words = [Word(str(number), 0, 4, 0.1, "written") for number in range(20)]
    read = Reader(Bubbles(PAINTER, folds=True).draw(Conversation(turns, True, [{"name": "f"}] * 3), words))
    assert set(read.tags) <= ELEMENTS
    assert all(each.text.replace("\r\n", "\n")[:200] in read.data for each in turns if each.text.strip())
    assert read.tags.count("details") >= 6
