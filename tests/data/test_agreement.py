"""Agreement between annotators, against published figures and the definition."""

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.data.agreement import agreement, krippendorff_alpha

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: four observers, twelve units.
OBSERVERS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")


def test_the_published_example():
    units = [Counter(value for value in column if value != ".") for column in zip(*OBSERVERS, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, max_size=8))
def test_alpha_by_its_definition(units):
    """1 - Do / De over all ordered pairs of values, within units (weighted 1 / (m - 1)) and over all."""
    pairable = [unit for unit in units if len(unit) > 1]
    values = [value for unit in pairable for value in unit]
    expected = sum(a != b for a, b in permutations(values, 2))
    found = krippendorff_alpha([Counter(unit) for unit in units])
    if not expected:
        assert found is None
        return
    n = len(values)
    observed = sum(sum(a != b for a, b in permutations(u, 2)) / (len(u) - 1) for u in pairable) / n
    assert found == pytest.approx(1 - observed / (expected / (n * (n - 1))))


def test_counts_and_lines():
    texts = ["t1"] * 3 + ["t2"] * 3 + ["t3"] * 2 + ["t4"]
    found = agreement(texts, list("aab" + "ccc" + "ab" + "a"), ["x", "y", "z"] * 2 + ["x", "y"] + [""])
    assert (found.annotators, found.texts, found.unanimous) == (3, 3, 1)
    assert (found.outvoted, found.against, found.split) == (1, 1, 1)
    lines = [str(each) for each in found.remarks()]
    assert lines[0].startswith(
        "3 annotators: of 3 texts with two rows or more, 33.3% are unanimous, Krippendorff's"
    )
    assert lines[1:] == ["1 text has a majority against a row (1 row against)", "1 text has no majority"]
    assert [str(each) for each in agreement(["a"], ["x"], ["me"]).remarks()] == [
        "1 annotator; no text has two rows"
    ]
