"""Examples: taking, joining, adding, with and without targets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.data.examples import Examples

ROWS = st.lists(st.tuples(st.text("ab", max_size=3), st.text("cd", max_size=3), st.sampled_from("xy")))


def of_rows(rows, targets=True):
    return Examples.of(
        [a for a, _, _ in rows], [b for _, b, _ in rows], [t for *_, t in rows] if targets else ()
    )


def rows_of(examples):
    return list(zip(*examples.fields, examples.targets, strict=True))


@given(ROWS, st.data())
def test_taking_is_what_a_list_of_rows_does(rows, data):
    places = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=6)) if rows else []
    found = of_rows(rows).take(np.array(places, dtype=np.int64))
    assert rows_of(found) == [rows[place] for place in places] == rows_of(of_rows(rows).take(places))
    assert [of_rows(rows).row(place) for place in places] == [rows[place][:2] for place in places]
    assert rows_of(of_rows(rows).part(1, 3)) == rows[1:3]
    assert found.joined() == [f"{a}\n{b}" for a, b, _ in (rows[place] for place in places)]


@given(ROWS, ROWS)
def test_adding_keeps_targets_where_both_have_them(one, other):
    both = of_rows(one) + of_rows(other)
    assert rows_of(both) == one + other
    assert list((of_rows(one) + of_rows(other, targets=False)).targets) == (
        [t for *_, t in one] if not other else []
    )


def test_fields_and_targets_must_fit():
    for wrong in (lambda: Examples.of(["a"], ["b", "c"]), lambda: Examples.of(["a"], None, ["x", "y"])):
        with pytest.raises(ValueError, match="different lengths"):
            wrong()
    with pytest.raises(ValueError, match="of 1 and of 2 fields"):
        Examples.one("a") + Examples.one("a", "b")
