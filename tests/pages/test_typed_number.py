"""Numbers as people type them: every sensible spelling is read, all else is refused in a line."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import InputError
from pages.components.typed_number import Limits, example, read_number, spell

RATE = Limits(1e-9, 1)
COUNT = Limits(1, 10**9, whole=True)
SHARE = Limits(0.01, 0.9, share=True)
ANY = Limits()
ANY_SHARE = Limits(0, 1, share=True)
finite = st.floats(allow_nan=False, allow_infinity=False)


RATES = "5e-4|5E-4| 5e-4 |0.0005|0,0005|.0005|,0005|+5e-4|5.0e-4|5,0e-4|5e−4|５e-4|0.05%|0,05 %|\u00a05e-4\n"
THOUSANDS = "1000|1,000|1_000|1 000|1\u00a0000|1\u202f000|1'000|1’000|1e3|1E+3|1000.0|1000,0|1000.|１０００"
FIFTHS = "20 %|20%|0.2|0,2|20|20.0|.2|2e-1|20,0 %"
NONSENSE = (
    "| |abc|1e309|inf|-inf|nan|1e9999|5e|e5|--5|1,00,0|1.2.3|1,2,3|0x10|5 5|1_|_1|%|1%%|½|1/2|\0|5e-4x|.|-"
)


@pytest.mark.parametrize(
    ("text", "limits", "value"),
    [
        *((text, RATE, 5e-4) for text in RATES.split("|")),
        *((text, COUNT, 1000) for text in THOUSANDS.split("|")),
        *((text, SHARE, 0.2) for text in FIFTHS.split("|")),
    ],
)
def test_sensible_spellings_are_read(text, limits, value):
    assert read_number(text, limits) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("text", [*NONSENSE.split("|"), "x" * 10_000])
@pytest.mark.parametrize("limits", [ANY, COUNT, RATE, SHARE])
def test_what_is_no_number_is_refused_in_one_short_line(text, limits):
    with pytest.raises(InputError) as refused:
        read_number(text, limits)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 200
    assert "give a" in str(refused.value)


def test_of_two_readings_the_one_that_the_field_can_hold_is_taken():
    assert read_number("1,500", Limits(0.5, 100)) == 1.5
    assert read_number("1,500", Limits(100, 10_000)) == 1500
    assert read_number("1.500", ANY) == 1.5
    assert read_number("1.500.000", ANY) == 1_500_000
    assert read_number("1.500,5", ANY) == read_number("1,500.5", ANY) == 1500.5
    with pytest.raises(InputError, match=r"can mean 1\.5 or 1500"):
        read_number("1,500", ANY)
    with pytest.raises(InputError, match="can mean 1 or 1000"):
        read_number("1.000", COUNT)
    assert read_number("0,500", ANY) == 0.5


def test_the_refusal_says_what_would_be_right():
    with pytest.raises(InputError, match=r"“2,5”: give a whole number from 1 to 100, such as 10"):
        read_number("2,5", Limits(1, 100, whole=True))
    with pytest.raises(InputError, match=r"give a share from 1 % to 90 %, such as 20 %"):
        read_number("95", SHARE)
    with pytest.raises(InputError, match=r"give a number of at least 0"):
        read_number("-1", Limits(0))


@given(finite)
def test_what_a_field_shows_it_reads_again(value):
    assert read_number(spell(value, ANY), ANY) == value
    assert read_number(repr(value), ANY) == value


@given(st.floats(0, 1, exclude_max=True))
def test_what_a_field_for_a_share_shows_it_reads_again(value):
    """From 1 on a number without % is taken for percent."""
    assert read_number(spell(value, ANY_SHARE), ANY_SHARE) == value


def test_a_number_is_shown_as_short_as_it_can_be():
    assert [spell(each, ANY) for each in (0.1, 1 / 3, 5e-5, 0.1 + 0.2, 1e22)] == [
        *("0.1", "0.3333333333333333", "5e-5", "0.30000000000000004", "1e22")
    ]
    assert spell(0.07, SHARE) == "7 %" and spell(0.005, ANY_SHARE) == "0.5 %"


@given(st.integers(1, 10**9), st.sampled_from([",", "_", " ", "'", "\u00a0", "\u202f", ""]))
def test_grouped_whole_numbers(value, mark):
    assert read_number(f"{value:,}".replace(",", mark), COUNT) == value
    assert read_number(spell(value, COUNT), COUNT) == value


@given(st.decimals(-1000, 1000, places=4, allow_nan=False, allow_infinity=False))
def test_a_decimal_comma_is_a_decimal_point(value):
    assert read_number(str(value).replace(".", ","), ANY) == float(value)


@given(st.decimals("0.01", "0.9", places=4))
def test_a_share_in_percent_or_as_a_part_of_one(value):
    for text in (f"{100 * value} %", f"{100 * value}%", str(value), spell(float(value), SHARE)):
        assert read_number(text, SHARE) == pytest.approx(float(value), rel=1e-12)


@given(st.text(max_size=20), st.sampled_from([ANY, COUNT, RATE, SHARE]))
def test_any_text_is_read_within_the_limits_or_refused(text, limits):
    try:
        value = read_number(text, limits)
    except InputError:
        return
    assert math.isfinite(value) and limits.holds(value)


@given(st.integers(-(10**9), 10**9), st.integers(0, 10**9), st.booleans())
def test_an_example_can_be_held(low, room, whole):
    limits = Limits(low, low + room, whole)
    assert limits.holds(read_number(example(limits), limits))
