"""Which texts stand in both splits, or several times, and with which label."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.data.equal_texts import equal_text_groups, normalised
from backend.data.examples import Examples
from backend.data.overlap import contradicted_in, repeated_within, stands_also_in


def test_case_white_space_and_unicode_form_aside_the_text_must_be_there():
    one = Examples.of(["a", "b", " A ", "", "nai\u0308ve"])
    other = Examples.of(["a", "", "c", "naïve"])
    assert stands_also_in(one, other).tolist() == [True, False, True, True, True]
    assert stands_also_in(other, one).tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        *((("a b", "c"), True), (("A  b", " c"), True), (("a", "b c"), False)),
        *((("1 a b", "c"), False), (("c", "a b"), False)),
    ],
)
def test_of_a_pair_both_texts_must_be_those_of_one_row(pair, expected):
    one, other = Examples.one(*pair), Examples.of(["a b", "x"], ["c", "c"])
    assert stands_also_in(one, other).tolist() == [expected]


def test_no_rows():
    assert stands_also_in(Examples.of([]), Examples.one("a")).tolist() == []
    assert stands_also_in(Examples.one("a"), Examples.of([])).tolist() == [False]


ROWS = st.lists(st.tuples(st.sampled_from(["a", "A ", "b", "c"]), st.sampled_from("xyz")), max_size=12)


def rows_of(drawn):
    return Examples.of([text for text, _ in drawn], None, [label for _, label in drawn])


@given(ROWS, ROWS)
def test_contradictions_and_repeats_by_their_definition(one, other):
    def same(text, another):
        return normalised(text) == normalised(another)

    assert contradicted_in(rows_of(one), rows_of(other)).tolist() == [
        any(same(text, t) and label != another for t, another in other) for text, label in one
    ]
    repeated, contradicting = repeated_within(rows_of(one))
    assert repeated.tolist() == [any(same(text, t) for t, _ in one[:i]) for i, (text, _) in enumerate(one)]
    assert contradicting.tolist() == [
        any(same(text, t) and label != another for t, another in one[:i])
        for i, (text, label) in enumerate(one)
    ]


@given(ROWS)
def test_groups_follow_the_same_rule(drawn):
    split = rows_of(drawn)
    groups = equal_text_groups(split)
    assert (~repeated_within(split)[0]).sum() == len(set(groups.tolist()))
