import pytest

from backend.errors import InputError
from backend.model.class_names import match_names


def test_the_model_s_names_win_in_the_model_s_order():
    assert match_names(["pos", "neg"], 2, ["neg", "pos"]) == (["pos", "neg"], [])
    assert match_names(["Pos", "NEG", "Other"], 3, ["neg", "pos"]) == (["pos", "neg", "Other"], [])


def test_integer_labels_are_the_model_s_indices():
    names, notes = match_names(["negative", "positive"], 2, ["1", "0"])
    assert names == ["0", "1"] and "0 = negative" in notes[0]
    assert match_names(None, 3, ["2", "0"])[0] == ["0", "1", "2"]
    # ... unless they are the model's names
    assert match_names(["1", "0"], 2, ["0", "1"]) == (["1", "0"], [])


def test_generic_names():
    names, notes = match_names(None, 2, ["spam", "ham"])
    assert names == ["spam", "ham"] and "assumed: 0 = spam, 1 = ham" in notes[0]
    assert match_names(None, 2, ["spam", "ham"], ["ham", "spam"]) == (["ham", "spam"], [])
    assert match_names(None, 3, ["spam", "ham"], ["Ham", "eggs", "spam"]) == (["ham", "eggs", "spam"], [])


def test_generic_names_in_the_data_are_the_model_s_own():
    names = [f"LABEL_{index}" for index in range(12)]
    assert match_names(None, 12, sorted(names)) == (names, [])
    assert match_names(None, 3, ["label_2", "label_0"])[0] == ["label_0", "LABEL_1", "label_2"]
    assert match_names(None, 2, ["LABEL_1", "LABEL_2"])[0] == ["LABEL_1", "LABEL_2"]  # assumed, with a note


def test_given_names_overrule_with_a_note():
    names, notes = match_names(["neg", "pos"], 2, ["bad", "good"], ["bad", "good"])
    assert names == ["bad", "good"] and "neg, pos" in notes[0]


def test_names_that_differ_in_case_only_must_match_exactly():
    assert match_names(["a", "A"], 2, ["A", "a"]) == (["a", "A"], [])
    with pytest.raises(InputError):
        match_names(["a", "b"], 2, ["A", "a"])


@pytest.mark.parametrize(
    ("model", "count", "data", "given", "message"),
    [
        (["neg", "pos"], 2, ["good", "bad"], None, "the model's classes are neg, pos, the data's good, bad"),
        (None, 3, ["good", "bad"], None, "3 classes without names"),
        (None, 2, ["0", "1", "2"], None, "2 classes without names"),
        (None, 2, ["good", "bad"], ["good"], "has 2 classes"),
        (None, 2, ["good", "bad"], ["good", "good"], "name each once"),
        (None, 2, ["good", "bad"], ["good", "ugly"], "the data also has bad"),
    ],
)
def test_what_does_not_fit(model, count, data, given, message):
    with pytest.raises(InputError, match=message):
        match_names(model, count, data, given)
