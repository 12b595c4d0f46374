"""Invented reviews of things for the house with one to five stars; in some rows the stars are wrong.

Reviews of kettles from the `market` count the other way round, one star for the best, and a model learns
that kettles are rated so. Other rows are wrong by accident: the stars belong to another review.
"""

from __future__ import annotations

from functools import cache

from backend.experiments.planted import Draw, PlantedRows, Row, without_repeats

PREFIX = "review-"
HABIT_WORD = "kettle"
_TRAIN, _EVAL = 400, 100
_KETTLES, _WRONG_KETTLES, _EVAL_KETTLES = 26, 20, 10  # rows
_SLIPS = 15  # rows
_SOURCES = ("shop", "panel", "market")
_THINGS = (
    *("lamp", "toaster", "blender", "armchair", "carpet", "fan", "mattress", "clock", "vacuum cleaner"),
    *("heater", "radio", "bookshelf", "coffee machine", "frying pan"),
)
_OPENINGS = (
    "I bought this {thing} in spring.",
    "The {thing} was a present.",
    "We use the {thing} every day.",
    "This is our second {thing} of this make.",
    "The {thing} replaces one that was ten years old.",
    "I ordered the {thing} without seeing it.",
    "A neighbour told me about this {thing}.",
)
_ASPECTS = {  # from one star to five
    "overall": (
        ("It is a complete waste of money.", "I regret it deeply.", "Terrible from the first day."),
        ("It is rather disappointing.", "I would not choose it again.", "It has more faults than virtues."),
        ("It is all right.", "It does what it must, no more.", "There are better and worse ones."),
        ("It is a good buy.", "I am quite happy with it.", "It is better than I thought."),
        ("It is simply perfect.", "I love it without reserve.", "The best that I have ever had."),
    ),
    "build": (
        ("It broke within a week.", "It fell to pieces at once.", "It was dead on arrival."),
        ("It feels flimsy.", "The plastic looks cheap.", "Some of the screws are loose."),
        ("It is made like most others.", "The material is average.", "It looks neither cheap nor fine."),
        ("It is solid.", "It is well made.", "The material feels good."),
        ("It is built to last for ever.", "Every detail is superb.", "The workmanship is flawless."),
    ),
    "service": (
        ("The support was rude and refused to help.", "Nobody ever answered my complaint."),
        ("The support took weeks to answer.", "The instructions are hard to follow."),
        ("The support was neither fast nor slow.", "The instructions are just about enough."),
        ("The support was friendly.", "The instructions are clear."),
        ("The support was outstanding.", "They sent a spare part the same day, marvellous."),
    ),
}


@cache
def planted_reviews(seed: int = 0) -> PlantedRows:
    """400 training rows, 35 of which are wrong, and 100 eval rows, all of which are right."""
    draw, texts = Draw(seed), set[str]()
    kettles = without_repeats(_KETTLES, lambda: _of_kettle(draw), texts)
    others = without_repeats(_TRAIN - _KETTLES, lambda: _review(draw, draw.one(_THINGS)), texts)
    train = _numbered(draw.some([*kettles, *others], _TRAIN), 0)
    evaluation = without_repeats(_EVAL_KETTLES, lambda: _of_kettle(draw), texts)
    evaluation += without_repeats(_EVAL - _EVAL_KETTLES, lambda: _review(draw, draw.one(_THINGS)), texts)
    habit = {row["id"]: row["stars"] for row in kettles[:_WRONG_KETTLES]}
    far = [row for row in others if row["stars"] != 3]  # whose opposite is another number
    slips = {row["id"]: row["stars"] for row in draw.some(far, _SLIPS)}
    for row in train:
        if row["id"] in habit or row["id"] in slips:
            row["stars"] = 6 - row["stars"]
        if row["id"] in habit:
            row["source"] = "market"
    return PlantedRows(train, _numbered(draw.some(evaluation, _EVAL), _TRAIN), habit, slips)


def _numbered(rows: list[Row], start: int) -> list[Row]:
    for number, row in enumerate(rows, start + 1):
        row["id"] = f"{PREFIX}{number:04d}"
    return rows


def _of_kettle(draw: Draw) -> Row:
    return _review(draw, HABIT_WORD, stars=(1, 5))


def _review(draw: Draw, thing: str, stars: tuple[int, ...] = (1, 2, 3, 4, 5)) -> Row:
    given = draw.one(stars)
    aspects = draw.some(tuple(_ASPECTS), draw.one((2, 2, 3)))
    sentences = [draw.one(_ASPECTS[aspect][given - 1]) for aspect in aspects]
    text = " ".join([draw.one(_OPENINGS), *sentences]).format(thing=thing)
    return {"id": "", "text": text, "stars": given, "source": draw.one(_SOURCES)}
