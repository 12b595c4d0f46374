"""How answers are written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.scores.answer_form import (
    ends,
    far_from_middle,
    odd_openings,
    opening,
    other_scripts,
    script_of,
    template_marks,
    unfinished,
)
from tests.language_models import chat, plain


def said(*answers: str):
    return [chat(("user", "Well?"), ("assistant", each)) for each in answers]


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("It was in Lisbon.", True),
        ("It was in", False),
        ("It was in Lisbon,", False),
        ("She asked: (see above)", True),
        ("Это было в Лиссабоне.", True),
        ("它在里斯本，也许", True),  # white space tells no words apart
        ("這是 一個 句子。", True),
        ("```\nprint(1) and more\n```", True),
        ("so glad to help 😊", True),
        ("Lisbon", True),
        ("", True),
        ("it goes on and -", False),
        ("it is over.\n", True),
    ],
)
def test_ends_are_told(text, ended):
    assert ends(text) is ended


def test_an_open_end_counts_as_much_as_others_have_ends():
    rows = said(*["A fine whole sentence."] * 8, "It stops in the", "this has none either")
    assert unfinished(rows).tolist() == [0.0] * 8 + [pytest.approx(8 / 9)] * 2


def test_the_last_answer_that_is_shown_counts():
    row = chat(("user", "a"), ("assistant", "It stops in the"), ("user", "b"), ("assistant", "All is said."))
    assert unfinished([row, *said("So be it then.")]).tolist() == [0.0, 0.0]
    only = plain("A whole text that stops in")
    assert unfinished([only, *said("So be it then.")]).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("Yes.<|im_end|>", "<|im_end|>"),
        ("[INST] Hello [/INST]", "[INST]"),
        ("Fine.\nUser: and now?", "User:"),
        ("### Response:\nYes", "### Response:"),
        ("assistant: yes", "assistant:"),
        ("Yes.</s>", "</s>"),
        ("A <start_of_turn>", "<start_of_turn>"),
        ("A {mine} B", "{mine}"),
    ],
)
def test_marks_of_templates_are_found(text, mark):
    rows = said(text, *["Nothing of the kind."] * 9)
    found = template_marks(rows, ["{mine}"])
    assert mark in found[0]
    assert found[1:] == [[]] * 9


@pytest.mark.parametrize(
    "text", ["a <b> and </b>", "1 < 2 | 3 > 2", "# Title", "the user: a person", "x[INSTEAD]"]
)
def test_other_signs_are_no_marks(text):
    assert template_marks(said(text, "a", "b")) == [[], [], []]


def test_a_mark_that_many_rows_have_is_how_they_are_written():
    rows = said(*["### Response: yes"] * 3, *["no"] * 7)
    assert template_marks(rows) == [[]] * 10


def test_a_beginning_unlike_others_stands_out():
    odd, begins = odd_openings(said(*["Yes"] * 3, ": yes"))
    assert odd.tolist() == [pytest.approx(1 / 3)] * 3 + [1.0]
    assert begins == ["a capital"] * 3 + [":"]
    assert [opening(each) for each in ("", " a", "7", "中")] == ["", "a small letter", "a digit", "a letter"]


def test_other_scripts_are_shares_of_letters():
    rows = said("Lisbon is nice", "Лиссабон", "ab где", "α β", "... 12", "里斯本です")
    shares, named, main = other_scripts(rows)
    assert main == "Latin"
    assert shares.tolist() == [0, 1, pytest.approx(3 / 5), 0, 0, 1]  # two letters tell nothing
    assert named == ["", "Cyrillic", "Cyrillic", "", "", "CJK"]


def test_scripts_of_letters():
    assert [script_of(each) for each in "aäЖβ漢かカ한ש7 !"] == [
        *("Latin", "Latin", "Cyrillic", "Greek", "CJK", "CJK", "CJK", "Hangul", "Hebrew", "", "", "")
    ]


def test_lengths_are_held_against_the_middle():
    found = far_from_middle(np.array([8.0, 8, 8, 8, 64, 1, 0]))
    assert found[:4].tolist() == [0] * 4
    assert found[4] == pytest.approx(3 / 0.5)  # three doublings, and the least spread
    assert found[5] == pytest.approx(3 / 0.5)
    assert np.isnan(found[6])


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_any_text_is_taken(texts):
    rows = said(*texts)
    for values in (unfinished(rows), odd_openings(rows)[0], other_scripts(rows)[0]):
        assert np.all((values >= 0) & (values <= 1))
    assert len(template_marks(rows)) == len(rows)
