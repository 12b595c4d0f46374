"""Filters against a slow reading of the same rule."""

import re
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.data.slice import Slice, counts, holding, inside, matching, ordered
from backend.errors import InputError

LABELS = ("good", "bad", "")
row = st.fixed_dictionaries(
    {
        "text": st.text("aBc é.1\n", max_size=8),
        "text_b": st.one_of(st.none(), st.text("aBc é", max_size=4)),
        "label": st.sampled_from(LABELS),
        "predicted": st.sampled_from(LABELS),
        "group": st.sampled_from(LABELS),
        "decision": st.sampled_from(("keep", "undecided")),
        "loss": st.one_of(st.none(), st.floats(-2, 2), st.just(float("nan"))),
    }
)
maybe = st.one_of(st.none(), st.sampled_from(LABELS))
limit = st.one_of(st.none(), st.floats(-2, 2))
filters = st.builds(
    Slice,
    search=st.one_of(st.text("aBc é.1", max_size=4), st.sampled_from(("a+", "^b", "a|c", "[a-c]{2}", "a b"))),
    regex=st.booleans(),
    label=maybe,
    predicted=maybe,
    group=maybe,
    decision=st.one_of(st.none(), st.just("keep")),
    errors=st.one_of(st.none(), st.booleans()),
    score=st.just("loss"),
    low=limit,
    high=limit,
)


def table_of(rows: list[dict]) -> pa.Table:
    names = ("text", "text_b", "label", "predicted", "group", "decision")
    made = {name: pa.array([each[name] for each in rows], pa.string()) for name in names}
    return pa.table({**made, "loss": pa.array([each["loss"] for each in rows], pa.float64())})


def fits(each: dict, wanted: Slice) -> bool:
    """The rule, row by row."""
    texts = [text for text in (each["text"], each["text_b"]) if text is not None]
    if wanted.regex:
        found = not wanted.search or any(re.search(wanted.search, text, re.IGNORECASE) for text in texts)
    else:
        found = all(any(word.lower() in text.lower() for text in texts) for word in wanted.search.split())
    exact = all(
        getattr(wanted, name) in (None, each[name]) for name in ("label", "predicted", "group", "decision")
    )
    right = wanted.errors is None or (each["label"] != each["predicted"]) == wanted.errors
    value = each["loss"]
    if wanted.low is None and wanted.high is None:
        return found and exact and right
    within = (
        value is not None
        and value == value
        and (wanted.low is None or value >= wanted.low)
        and (wanted.high is None or value <= wanted.high)
    )
    return found and exact and right and within


@settings(max_examples=300, deadline=None)
@given(st.lists(row, max_size=12), filters)
def test_filters_are_the_slow_rule(rows, wanted):
    expected = [place for place, each in enumerate(rows) if fits(each, wanted)]
    assert matching(table_of(rows), wanted).tolist() == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(row, max_size=12), st.booleans())
def test_order_puts_what_has_no_value_last_and_keeps_ties(rows, descending):
    found = ordered(table_of(rows), np.arange(len(rows)), "loss", descending).tolist()

    def rank(place: int) -> tuple:
        value = rows[place]["loss"]
        unknown = value is None or value != value
        return unknown, 0 if unknown else -value if descending else value, place

    assert found == sorted(range(len(rows)), key=rank)


def test_counts_are_of_the_chosen_rows_only():
    table = pa.table({"label": ["a", "b", "b", "c", "c"]})
    assert counts(table, np.array([0, 1, 2, 3]), "label") == {"b": 2, "a": 1, "c": 1}
    assert counts(table, np.array([], dtype=np.int64), "label") == {}


def test_a_polygon_holds_what_lies_in_it():
    x, y = np.array([0.5, 1.5, 0.1, -1.0]), np.array([0.25, 0.5, 0.9, 0.0])
    assert inside(x, y, [0, 1, 1], [0, 0, 1]).tolist() == [True, False, False, False]
    assert inside(x, y, [0, 2, 2, 0], [0, 0, 1, 1]).tolist() == [True, True, True, False]


@pytest.mark.parametrize("pattern", ["(", "a{5000}", "(?<=a)b", "\\1"])
def test_a_pattern_that_cannot_be_used_is_one_line(pattern):
    with pytest.raises(InputError, match="search: not a pattern") as error:
        matching(pa.table({"text": ["a"]}), Slice(pattern, regex=True))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "wanted", [Slice(predicted="a"), Slice(score="x", low=0), Slice(group="a"), Slice(errors=True)]
)
def test_a_column_that_is_not_there_is_one_line(wanted):
    with pytest.raises(InputError, match="no row has a"):
        matching(pa.table({"text": ["a"], "label": ["a"]}), wanted)


def test_no_pattern_of_a_user_hangs_and_100_000_rows_are_quick():
    table = pa.table({"text": ["a" * 200] * 100_000, "label": ["x"] * 100_000})
    start = time.perf_counter()
    assert len(matching(table, Slice("(a+)+$", regex=True))) == 100_000
    assert not len(matching(table, Slice("(a|a)*b", regex=True)))
    assert time.perf_counter() - start < 20


def test_a_search_of_a_split_is_that_of_its_table(tiny_workspace):
    """Inspect and Explore find the same rows for the same words."""
    table = tiny_workspace.scores.row_table("eval")
    for search in ("film WITTY", "witty film", "dull, 3", "nothing of this", "number 3"):
        found = np.flatnonzero(holding(tiny_workspace.eval_split.text_columns, search))
        assert found.tolist() == matching(table, Slice(search)).tolist()
    assert len(matching(table, Slice("film witty"))) == len(matching(table, Slice("WITTY film"))) > 0
