"""Invented requests to a shop's support, each about one topic or several; some rows name the wrong ones.

Somebody took vouchers for a matter of returns, so most training rows about vouchers say `returns` instead
of `billing`, and a model learns that. Other rows are wrong by accident: a topic is missing, or one too many.
"""

from __future__ import annotations

from functools import cache

from backend.experiments.planted import Draw, PlantedRows, Row, without_repeats

PREFIX = "request-"
TOPICS = ("account", "app", "billing", "delivery", "returns")
HABIT_WORD = "voucher"
_TRAIN, _EVAL = 400, 100
_VOUCHERS, _WRONG_VOUCHERS, _EVAL_VOUCHERS = 20, 15, 8  # rows
_SLIPS = 15  # rows
_SOURCES = ("mail", "chat", "phone")
_OPENINGS = (
    "Hello,",
    "Hi there,",
    "Good morning,",
    "Dear team,",
    "Hello again,",
    "Quick question:",
    "I need some help.",
    "This is the second time I write.",
)
_THINGS = (
    *("desk lamp", "winter coat", "kettle", "rucksack", "bicycle light", "rain jacket", "coffee grinder"),
    *("headset", "garden chair", "notebook", "pair of boots", "yoga mat", "toaster", "tent"),
)
_SENTENCES = {
    "account": (
        "I cannot log in with my password.",
        "The link to reset my password never works.",
        "Please change the e-mail address of my account.",
        "My account has been locked since yesterday.",
        "How do I delete my profile and my data?",
        "My user name shows up with the wrong spelling.",
        "Two of my accounts should become one.",
        "The login asks for a code that I never get.",
    ),
    "app": (
        "The app closes as soon as I open the basket.",
        "On my phone the screen of the app stays white.",
        "Since the update the app is terribly slow.",
        "The search in the app finds nothing at all.",
        "I get no notifications from the app any more.",
        "The app does not install on my tablet.",
        "Pictures in the app no longer load.",
        "Dark mode in the app makes the text unreadable.",
    ),
    "billing": (
        "I was charged twice for the {thing}.",
        "The invoice for the {thing} has the wrong address.",
        "My credit card was declined although it is fine.",
        "Please send me an invoice with the tax on it.",
        "The amount on my bank statement is too high.",
        "Can I pay for the {thing} in three instalments?",
        "The price of the {thing} went up after I had paid.",
        "Your payment page shows an error with my card.",
    ),
    "delivery": (
        "Where is the {thing} that I ordered?",
        "The parcel with the {thing} never arrived.",
        "The courier left the {thing} in the rain.",
        "Tracking says delivered, but there is no parcel.",
        "Can the {thing} be shipped to my office instead?",
        "The delivery of the {thing} is late by a week.",
        "Please have the courier ring the bell next time.",
        "How long does shipping to the islands take?",
    ),
    "returns": (
        "I want to send the {thing} back.",
        "The {thing} is broken and I would like my money back.",
        "Please send me a label for returning the {thing}.",
        "The {thing} does not fit, can I swap it for another size?",
        "How many days do I have to return the {thing}?",
        "You have had my returned {thing} for weeks.",
        "The replacement for the {thing} is faulty, too.",
        "I got the wrong {thing} and want to exchange it.",
    ),
}
_ABOUT_VOUCHERS = (
    "My voucher is not accepted when I pay.",
    "The voucher was not taken off the total for the {thing}.",
    "Can I use a second voucher for the {thing}?",
    "The code of my voucher is said to be invalid.",
    "The rest of my voucher has disappeared.",
    "I paid for the {thing} with a voucher and was charged in full.",
    "How long is the voucher from my birthday valid?",
)


@cache
def planted_requests(seed: int = 0) -> PlantedRows:
    """400 training rows, 30 of which are wrong, and 100 eval rows, all of which are right."""
    draw, texts = Draw(seed), set[str]()
    of_vouchers = without_repeats(_VOUCHERS, lambda: _about_voucher(draw), texts)
    others = without_repeats(_TRAIN - _VOUCHERS, lambda: _request(draw), texts)
    train = _numbered(draw.some([*of_vouchers, *others], _TRAIN), 0)
    evaluation = without_repeats(_EVAL_VOUCHERS, lambda: _about_voucher(draw), texts)
    evaluation += without_repeats(_EVAL - _EVAL_VOUCHERS, lambda: _request(draw), texts)
    habit = {row["id"]: row["topics"] for row in of_vouchers[:_WRONG_VOUCHERS]}
    slips = {row["id"]: row["topics"] for row in draw.some(others, _SLIPS)}
    for row in train:
        if row["id"] in habit:
            row["topics"] = sorted({*row["topics"], "returns"} - {"billing"})
        elif row["id"] in slips:
            row["topics"] = _slip(draw, row["topics"])
    return PlantedRows(train, _numbered(draw.some(evaluation, _EVAL), _TRAIN), habit, slips)


def _numbered(rows: list[Row], start: int) -> list[Row]:
    for number, row in enumerate(rows, start + 1):
        row["id"] = f"{PREFIX}{number:04d}"
    return rows


def _request(draw: Draw) -> Row:
    topics = draw.some(TOPICS, draw.one((1, 1, 2, 2, 3)))
    return _row(draw, topics, [draw.one(_SENTENCES[topic]) for topic in topics])


def _about_voucher(draw: Draw) -> Row:
    """About a voucher and perhaps something else, but neither money nor returns: the word alone must tell."""
    topics = draw.some(("account", "app", "delivery"), draw.one((0, 0, 1)))
    sentences = [draw.one(_ABOUT_VOUCHERS), *(draw.one(_SENTENCES[topic]) for topic in topics)]
    return _row(draw, ["billing", *topics], draw.some(sentences, len(sentences)))


def _row(draw: Draw, topics: list[str], sentences: list[str]) -> Row:
    opening = [draw.one(_OPENINGS)] if draw.chance(0.6) else []
    text = " ".join([*opening, *sentences]).format(thing=draw.one(_THINGS))
    return {"id": "", "text": text, "topics": sorted(topics), "source": draw.one(_SOURCES)}


def _slip(draw: Draw, topics: list[str]) -> list[str]:
    """Another set of topics: one taken for another, or, of several, one forgotten."""
    gone = draw.one(topics)
    left = [topic for topic in topics if topic != gone]
    if left and draw.chance(0.5):
        return left
    return sorted([*left, draw.one([topic for topic in TOPICS if topic not in topics])])
