"""Labels that differ only in spelling: found, shown, merged."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.data.label_variants import (
    label_key,
    label_variants,
    merged_names,
    quoted,
    spelling_notes,
    visible_label,
)

CLASSES = ("positive", "negative", "naïve", "très bien", "0", "12")
SPELLINGS = {
    "case": (str.upper, str.title),
    "blanks": (
        lambda name: f"{name} ",
        lambda name: f"\u00a0{name}",
        lambda name: f"{name}\u200b",
        lambda name: f"\u3000{name}\t",
        lambda name: f"\ufeff{name}",
    ),
    "Unicode form": (lambda name: unicodedata.normalize("NFD", name),),
    "quotes or prefix": (
        lambda name: f'"{name}"',
        lambda name: f'="{name}"',
        lambda name: f"__label__{name}",
        lambda name: f"'{name}",
        lambda name: f"“{name}”",
    ),
}
CHANGES = [change for changes in SPELLINGS.values() for change in changes]


@given(st.sampled_from(CLASSES), st.lists(st.sampled_from(CHANGES), max_size=4))
def test_any_chain_of_spellings_has_the_key_of_the_label(name, changes):
    spelled = name
    for change in changes:
        spelled = change(spelled)
    assert label_key(spelled) == label_key(name)


@given(st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CHANGES)), min_size=1, max_size=30))
def test_merging_leaves_one_spelling_of_each_label_and_loses_no_row(drawn):
    labels = [change(name) for name, change in drawn]
    groups = label_variants(labels)
    names = merged_names(groups)
    merged = [names.get(each, each) for each in labels]
    assert len(set(merged)) == len({label_key(each) for each in labels}) and not label_variants(merged)
    assert all(label_key(before) == label_key(after) for before, after in zip(labels, merged, strict=True))
    for group in groups:
        assert group.counts[0] == (group.canonical, max(n for _, n in group.counts))
        assert sum(n for _, n in group.counts) == sum(
            label_key(each) == label_key(group.canonical) for each in labels
        )


@pytest.mark.parametrize("what", SPELLINGS)
def test_the_kind_of_difference_is_named(what):
    for change in SPELLINGS[what]:
        if change("naïve") != "naïve":
            (group,) = label_variants(["naïve", change("naïve")])
            assert what in group.differ


def test_whole_numbers_and_truth_values():
    (zero,) = label_variants(["0", "0", "0.0", "1"])
    assert zero.counts == (("0", 2), ("0.0", 1)) and zero.differ == ("form of a number",)
    assert label_variants(["007", "7", "0.5", "5"]) == []
    groups = label_variants(["TRUE", "True", "True", "1", "false", "0"])
    assert [each.canonical for each in groups] == ["true", "false"]
    assert dict(groups[0].counts) == {"True": 2, "TRUE": 1, "1": 1}
    # 1 is true only where nothing else is there
    assert label_variants(["true", "1", "2"]) == [] == label_variants(["1", "0"])


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["True", "1", "false", "0"], {"true", "false"}),
        (["True", "1", "False", "0"], {"True", "False"}),
        (["TRUE", "TRUE", "true", "false", "FALSE", "FALSE", "1"], {"TRUE", "FALSE"}),
        (["True", "true", "false", "1"], {"true", "false"}),
        (["true", "1", "1", "FALSE"], {"TRUE", "FALSE"}),
        (["1", "0", "0.0", "True"], {"True", "0"}),
    ],
)
def test_both_truth_values_are_called_in_one_casing(labels, names):
    merged = merged_names(label_variants(labels))
    assert {merged.get(each, each) for each in labels} == names
    assert all(label != name for label, name in merged.items())


def test_labels_of_punctuation_stay_themselves():
    assert label_variants(["'", '"', "=", '""', "__label__", '=""', ""]) == []


def test_what_cannot_be_seen_is_shown():
    assert quoted("positive ") == "'positive '" and quoted("a\u00a0") == "'a\\xa0'"
    assert quoted("nai\u0308ve") == "'nai\\u0308ve'" and quoted("naïve") == "'naïve'"
    assert quoted("it's \\ \n") == "'it\\'s \\\\ \\n'"
    assert [visible_label(each) for each in ("plain", "ends ", "a\u200bb")] == [
        "plain",
        "'ends '",
        "'a\\u200bb'",
    ]


def test_pairs_between_two_lists_of_names():
    assert spelling_notes(["negative ", "positive", "other"], ["negative", "positive"]) == [
        ("negative ", "negative")
    ]
