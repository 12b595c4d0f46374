"""Rows of language models that repeat or contradict each other."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.scores.repeats import NEAR, RUN, copies, near_pairs, repeat_columns, runs, same_questions
from tests.language_models import chat, pair, plain


def asked(question: str, answer: str, system: str | None = None):
    first = [("system", system)] if system else []
    return chat(*first, ("user", question), ("assistant", answer))


def test_the_same_question_with_another_answer_contradicts():
    rows = [
        asked("Where was Ada born?", "In Lisbon."),
        asked("where  was ada born", "in lisbon"),  # case, white space, the last mark: the same
        asked("Where was Ada born?", "In Oslo."),
        asked("Where was Ben born?", "In Oslo."),
        asked("Where was Ada born?", "In Quito.", system="You are wrong."),  # read with other words
        plain("In Oslo."),
        plain("In Lisbon."),  # nothing is asked
    ]
    found = repeat_columns(rows, [f"r{place}" for place in range(len(rows))])
    assert found["contradiction"].tolist() == [0.5, 0.5, 1, 0, 0, 0, 0]
    assert found["contradicts"] == ["r2", "r2", "r0", "", "", "", ""]
    assert found["contradiction_said"][0] == (
        "same question, another answer: 1 of 2 other rows, such as r2: “In Oslo.”"
    )
    assert found["contradiction_said"][3] == ""


def test_signs_tell_questions_apart():
    rows = [asked("What is 3+4?", "7"), asked("What is 3-4?", "-1"), asked("What is C#?", "a language")]
    assert [each.others for each in same_questions(rows)] == [0, 0, 0]


def test_only_equal_rows_are_named_as_copies():
    long = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    rows = [
        pair(long, "yes it is"),
        pair("Something else altogether", "no"),
        pair(long.upper(), "Yes  it is"),
        pair(long, "yes it was"),  # 17 runs, of which the last ends otherwise
    ]
    found = repeat_columns(rows, ["a", "b", "c", "d"])
    assert found["near_duplicates"].tolist() == [2, 0, 2, 2]
    assert found["copy_of"] == ["", "", "a", ""]
    assert found["first_said"] == ["", "", ", first row a", ", first row a"]


def test_facts_about_others_are_no_copies():
    rows = [
        asked("Where was Ada Morel born?", "Ada Morel was born in Lisbon."),
        asked("Where was Ben Ota born?", "Ben Ota was born in Lisbon."),
    ]
    assert copies(rows).near == [0, 0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from("abcdef"), min_size=1, max_size=14).map(" ".join), min_size=1, max_size=14
    )
)
def test_all_near_pairs_are_found(texts):
    sets = [runs(each) for each in texts]
    wanted = {
        (one, other)
        for other in range(len(sets))
        for one in range(other)
        if len(np.intersect1d(sets[one], sets[other])) >= NEAR * len(np.union1d(sets[one], sets[other]))
    }
    found = list(near_pairs(sets))
    assert set(found) == wanted
    assert len(found) == len(wanted)


def test_short_texts_are_one_run():
    assert len(runs("a b")) == 1
    assert len(runs(" ".join(map(str, range(RUN + 2))))) == 3
