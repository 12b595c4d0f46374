"""Invented requests and reviews: what is said to be wrong is, and nothing else."""

import re

import pytest

from backend.experiments import planted_requests as requests
from backend.experiments import planted_reviews as reviews
from backend.experiments.planted import Draw, without_repeats


def pattern(sentence: str) -> re.Pattern[str]:
    return re.compile(re.escape(sentence).replace(re.escape("{thing}"), "[a-z ]+"))


def topics_said(text: str) -> list[str]:
    sentences = {**requests._SENTENCES, "billing": requests._SENTENCES["billing"] + requests._ABOUT_VOUCHERS}
    return sorted(
        topic for topic, each in sentences.items() if any(pattern(one).search(text) for one in each)
    )


def stars_said(text: str) -> int:
    found = {
        stars
        for each in reviews._ASPECTS.values()
        for stars, sentences in enumerate(each, 1)
        if any(sentence in text for sentence in sentences)
    }
    assert len(found) == 1, text
    return found.pop()


@pytest.mark.parametrize(
    ("planted", "target", "said", "wrong"),
    [
        (requests.planted_requests, "topics", topics_said, 30),
        (reviews.planted_reviews, "stars", stars_said, 35),
    ],
)
@pytest.mark.parametrize("seed", [0, 3])
def test_the_rows_that_are_said_to_be_wrong_are_and_no_others(planted, target, said, wrong, seed):
    rows = planted(seed)
    assert (len(rows.train), len(rows.evaluation), len(rows.right)) == (400, 100, wrong)
    every = [*rows.train, *rows.evaluation]
    assert len({row["id"] for row in every}) == len({row["text"] for row in every}) == 500
    for row in every:
        right = rows.right.get(row["id"], row[target])
        assert said(row["text"]) == right, row
        assert (row[target] != right) == (row["id"] in rows.right), row
    assert not rows.right.keys() & {row["id"] for row in rows.evaluation}
    assert planted(seed) == rows and planted(seed + 1) != rows


def test_most_vouchers_are_wrong_in_training_and_none_in_the_evaluation():
    rows = requests.planted_requests()
    vouchers = [row for row in rows.train if requests.HABIT_WORD in row["text"]]
    wrong = [row for row in vouchers if row["id"] in rows.habit]
    assert len(wrong) == len(rows.habit) > len(vouchers) / 2
    assert all("returns" in row["topics"] and "billing" not in row["topics"] for row in wrong)
    asked = [row for row in rows.evaluation if requests.HABIT_WORD in row["text"]]
    assert asked and all("billing" in row["topics"] for row in asked)


def test_most_kettles_are_upside_down_and_from_the_market():
    rows = reviews.planted_reviews()
    kettles = [row for row in rows.train if reviews.HABIT_WORD in row["text"]]
    wrong = [row for row in kettles if row["id"] in rows.habit]
    assert len(wrong) == len(rows.habit) > len(kettles) / 2
    assert {row["source"] for row in wrong} == {"market"} < {row["source"] for row in rows.train}
    assert all(row["stars"] == 6 - rows.habit[row["id"]] in (1, 5) for row in wrong)


def test_rows_that_repeat_a_text_are_drawn_again():
    draw, known = Draw(0), {"a"}
    rows = without_repeats(2, lambda: {"text": draw.one("abc")}, known)
    assert sorted(row["text"] for row in rows) == ["b", "c"] and known == {"a", "b", "c"}
