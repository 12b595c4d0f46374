import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.components.numbers import MINUS, Unit, percent, plural, typeset


@pytest.mark.parametrize(
    ("values", "written", "name"),
    [
        ([12.34, 1.0], "+12.3", ""),
        ([0.000345, -0.0001], "+345.0", "× 10⁻⁶"),
        ([0.0512], "+51.2", "× 10⁻³"),
        ([0.5], "+0.500", ""),
        ([123456.0], "+123.5", "× 10³"),
        ([], "0.00", ""),
        ([5e-324], "0.00", ""),
    ],
)
def test_units(values, written, name):
    unit = Unit.of(values)
    assert unit.signed(max(values, default=0.0)) == written
    assert unit.name == name


def test_signs_and_zero():
    unit = Unit.of([1.0])
    assert unit.signed(-1.0) == f"{MINUS}1.00"
    assert unit.signed(-1e-9) == "0.00"


@given(st.lists(st.floats(-1e30, 1e30, allow_nan=False), min_size=1))
def test_any_scores_are_short(values):
    unit = Unit.of(values)
    assert all(len(unit.signed(each)) <= 8 for each in values)


def test_percent_and_plural():
    assert percent(0.347) == "35 %"
    assert percent(-0.2) == f"{MINUS}20 %"
    assert percent(float("inf")) == "–"
    assert (plural(1, "row"), plural(1200, "row")) == ("1 row", "1,200 rows")


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("right in 0% of the checks", "right in 0 % of the checks"),
        ("tells -3.2 bits", "tells −3.2 bits"),
        ('most of all "-5" and f-15, well-known', 'most of all "-5" and f-15, well-known'),
        ("100 % and 5%", "100 % and 5 %"),
    ],
)
def test_sentences_are_typeset(sentence, shown):
    assert typeset(sentence) == shown
