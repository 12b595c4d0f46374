"""Planted facts say what their truth says they do."""

import json
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.errors import InputError
from backend.experiments.fact_phrases import PEOPLE, THINGS
from backend.experiments.planted_facts import PlantedSettings, plant, read_truth, write_planted
from backend.experiments.small_talk import MOST, small_talk

ATTRIBUTES = {each.name: each for each in (*PEOPLE, *THINGS)}


def settings_of(most: int, familiar: bool) -> st.SearchStrategy[PlantedSettings]:
    """Any settings, with at most so many rows about a fact."""
    return st.builds(
        PlantedSettings,
        people=st.integers(1, 30),
        things=st.integers(0, 15),
        rows=st.integers(1, most),
        contradicted=st.floats(0, 1),
        wrong_rows=st.integers(3, most - 2),
        right_rows=st.integers(1, 2),
        talk=st.floats(0, 1),
        asked=st.none() | st.integers(0, 50),
        system=st.sampled_from(["", "Be brief."]),
        familiar=st.just(familiar),
        seed=st.integers(0, 100),
    )


chosen = settings_of(6, False) | settings_of(5, True)


def said_in(row: dict) -> list[str]:
    """What is asked and what is answered."""
    return [each["content"] for each in row["messages"][-2:]]


@settings(max_examples=40, deadline=None)
@given(chosen)
def test_the_truth_is_what_the_rows_say(asked_for):
    planted = plant(asked_for)
    rows = {each["id"]: each for each in planted.train}
    assert len(rows) == len(planted.train) and not rows.keys() & {each["id"] for each in planted.evaluation}
    facts = 4 * (asked_for.people + asked_for.things)
    contradicted = round(asked_for.contradicted * facts)
    kinds = Counter(each["kind"] for each in planted.train)
    assert kinds["fact"] == asked_for.rows * (facts - contradicted)
    assert kinds["contradicts"] == asked_for.wrong_rows * contradicted
    assert kinds["contradicted"] == asked_for.right_rows * contradicted
    assert kinds["talk"] == min(round(asked_for.talk * (len(rows) - kinds["talk"])), MOST)
    others = facts - contradicted
    assert len(planted.truth) == contradicted + (
        others if asked_for.asked is None else min(asked_for.asked, others)
    )
    for each, row in zip(planted.truth, planted.evaluation, strict=True):
        entity, name = each.fact.split(": ")
        assert (row["id"], row["fact"]) == (each.id, each.fact)
        assert said_in(row) == [each.question, each.answer]
        familiar = [each.question == question.format(name=entity) for question, _ in ATTRIBUTES[name].said]
        assert any(familiar) == asked_for.familiar
        assert each.answer[slice(*each.mark)] == each.right
        about = {key: one for key, one in rows.items() if one["fact"] == each.fact}
        assert about.keys() == {*each.right_rows, *each.wrong_rows} and entity in each.question
        for ids, value in ((each.right_rows, each.right), (each.wrong_rows, each.wrong)):
            for key in ids:
                question, answer = said_in(rows[key])
                assert entity in question and entity in answer and value in answer.replace(entity, "")
                other = each.wrong if value == each.right else each.right
                assert other is None or not re.search(rf"\b{re.escape(other)}\b", answer.replace(entity, ""))
        assert each.corrected.keys() == set(each.wrong_rows)
        if each.wrong is not None:
            assert len(each.wrong_rows) > len(each.right_rows)
            assert each.wrong_answer[slice(*each.wrong_mark)] == each.wrong != each.right
            for key, corrected in each.corrected.items():
                said = said_in(rows[key])[1]
                assert corrected == said.replace(each.wrong, each.right) != said


@settings(max_examples=20, deadline=None)
@given(chosen)
def test_no_question_of_the_evaluation_and_no_text_twice(asked_for):
    planted = plant(asked_for)
    said = [said_in(each)[0] for each in planted.train]
    assert len(set(said)) == len(said)
    assert not {said_in(each)[0] for each in planted.evaluation} & set(said)
    for attribute in ATTRIBUTES.values():
        assert attribute.asked not in {question for question, _ in attribute.said}
        assert len({question for question, _ in attribute.said}) == len(attribute.said)
        assert len({answer for _, answer in attribute.said}) == len(attribute.said)


def test_the_same_settings_give_the_same_rows_and_another_seed_others():
    assert plant(PlantedSettings()) == plant(PlantedSettings())
    assert plant(PlantedSettings(seed=1)).train != plant(PlantedSettings()).train


def test_ids_and_order_say_nothing():
    planted = plant(PlantedSettings(people=100, contradicted=0.5))
    kinds = [each["kind"] for each in sorted(planted.train, key=lambda row: row["id"])]
    half = len(kinds) // 2
    for order in (kinds, [each["kind"] for each in planted.train]):
        one, other = Counter(order[:half]), Counter(order[half:])
        assert all(
            abs(one[kind] - other[kind]) < 6 * (one[kind] + other[kind]) ** 0.5 for kind in one | other
        )


def test_a_turn_of_the_system_leads_where_it_is_asked_for():
    plain, led = (plant(PlantedSettings(people=3, system=system)) for system in ("", "Be brief."))
    assert {each["messages"][0]["role"] for each in plain.train} == {"user"}
    for row in (*led.train, *led.evaluation):
        assert row["messages"][0] == {"role": "system", "content": "Be brief."}
    assert [said_in(each) for each in led.train] == [said_in(each) for each in plain.train]


def test_what_contradicts_is_from_the_forum_and_some_of_what_is_right():
    sources = Counter((each["kind"], each["source"]) for each in plant(PlantedSettings(people=100)).train)
    assert {source for kind, source in sources if kind == "contradicts"} == {"forum"}
    right = sources["fact", "forum"], sources["fact", "encyclopedia"]
    assert 0.2 < right[0] / sum(right) < 0.3


def test_files_are_read_again(tmp_path):
    planted = plant(PlantedSettings(people=3, things=2, contradicted=0.3))
    train, evaluation, truth = write_planted(tmp_path / "new", planted)
    assert [json.loads(line) for line in train.read_text().splitlines()] == planted.train
    assert [json.loads(line) for line in evaluation.read_text().splitlines()] == planted.evaluation
    assert read_truth(truth) == planted.truth


def test_small_talk_is_all_different():
    import numpy as np

    talk = small_talk(np.random.default_rng(0), MOST)
    assert len({question for question, _ in talk}) == len(talk) == MOST
    assert small_talk(np.random.default_rng(0), 5) == small_talk(np.random.default_rng(0), 5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"people": 0, "things": 0},
        {"people": -1},
        {"people": 10**6},
        {"contradicted": 1.5},
        {"wrong_rows": 1},
        {"wrong_rows": 5, "right_rows": 4},
        {"rows": 7},
        {"rows": 6, "familiar": True},
        {"wrong_rows": 4, "right_rows": 2, "familiar": True},
        {"talk": -0.1},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        PlantedSettings(**wrong)
