"""Which texts stand in both splits."""

from dataclasses import dataclass

import pytest

from backend.data.overlap import stands_also_in


@dataclass
class Texts:
    """As much of a split as is looked at."""

    texts: list[str]
    texts_b: list[str] | None = None


def test_the_very_text_must_be_there():
    one, other = Texts(["a", "b", "A", "", "a"]), Texts(["a", "", "c"])
    assert stands_also_in(one, other).tolist() == [True, False, False, True, True]
    assert stands_also_in(other, one).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("pair", "expected"),
    [(("a b", "c"), True), (("a", "b c"), False), (("1 a b", "c"), False), (("c", "a b"), False)],
)
def test_of_a_pair_both_texts_must_be_those_of_one_row(pair, expected):
    one, other = Texts([pair[0]], [pair[1]]), Texts(["a b", "x"], ["c", "c"])
    assert stands_also_in(one, other).tolist() == [expected]


def test_no_rows():
    assert stands_also_in(Texts([]), Texts(["a"])).tolist() == []
    assert stands_also_in(Texts(["a"]), Texts([])).tolist() == [False]
