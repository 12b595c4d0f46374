"""What planted facts are about, and how they are said: attributes, values, phrasings, invented names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Attribute:
    """Something to know of an entity ``{name}``. ``values``: what it can be, ``{value}`` in an answer.

    ``said``: questions and answers of training rows; ``asked``: the question of the evaluation, which is
    none of them. Its answer is worded as the first of ``said``.
    """

    name: str
    values: tuple[str, ...]
    said: tuple[tuple[str, str], ...]
    asked: str

    def answer(self, entity: str, value: str, phrasing: int = 0) -> str:
        """An answer."""
        return self.said[phrasing][1].format(name=entity, value=value)

    def question(self, entity: str, phrasing: int | None = None) -> str:
        """A question of a training row, or that of the evaluation."""
        return (self.asked if phrasing is None else self.said[phrasing][0]).format(name=entity)


PLACES = (
    *("Velmora", "Tarrowby", "Oskenfield", "Brunnick", "Calverra", "Dunmarsh", "Estrella Bay", "Fallowmere"),
    *("Garnholt", "Hesperton", "Illoway", "Jorvane", "Kestrelby", "Lunden Moor", "Marrowgate", "Norrick"),
)
MAKERS = (
    *("Arden & Pohl", "Brightmoor", "Corvex", "Dallinger", "Ferrum Works", "Gantry Brothers", "Holloway"),
    *("Isobar", "Kellmann", "Lorimer", "Novatek", "Ostrava Tools"),
)

PEOPLE = (
    Attribute(
        "birthplace",
        PLACES,
        (
            ("Where was {name} born?", "{name} was born in {value}."),
            ("In which town was {name} born?", "{name} was born in the town of {value}."),
            ("What is the birthplace of {name}?", "The birthplace of {name} is {value}."),
            ("Tell me where {name} was born.", "{name} was born in {value}, and grew up there."),
            ("{name} was born in which place?", "It was {value} where {name} was born."),
            ("Do you know the birthplace of {name}?", "Yes, {name} was born in {value}."),
        ),
        "Which town does {name} come from by birth?",
    ),
    Attribute(
        "job",
        (
            *("baker", "carpenter", "dentist", "farmer", "gardener", "geologist", "judge", "librarian"),
            *("locksmith", "nurse", "photographer", "pilot", "plumber", "tailor", "translator", "violinist"),
        ),
        (
            ("What is the job of {name}?", "{name} works as a {value}."),
            ("What does {name} do for a living?", "{name} is a {value}."),
            ("Which profession does {name} have?", "By profession, {name} is a {value}."),
            ("Tell me the occupation of {name}.", "The occupation of {name} is {value}."),
            ("What does {name} work as?", "{name} has worked as a {value} for years."),
            ("Do you know what {name} does for work?", "Yes, {name} works as a {value}."),
        ),
        "How does {name} earn money?",
    ),
    Attribute(
        "pet",
        (
            *("beagle", "budgerigar", "canary", "ferret", "gecko", "goldfish", "goose", "hamster"),
            *("hedgehog", "parrot", "pony", "poodle", "rabbit", "tortoise", "turtle", "whippet"),
        ),
        (
            ("Which pet does {name} have?", "{name} has a {value}."),
            ("What animal lives with {name}?", "A {value} lives with {name}."),
            ("What kind of pet is at the home of {name}?", "At the home of {name} there is a {value}."),
            ("Tell me about the pet of {name}.", "The pet of {name} is a {value}."),
            ("Does {name} have a pet?", "Yes, {name} has a {value}."),
            ("What animal does {name} keep?", "{name} keeps a {value} at home."),
        ),
        "Which creature does {name} look after?",
    ),
    Attribute(
        "dish",
        (
            *("apple strudel", "bean stew", "cheese toast", "fish pie", "fried rice", "grilled trout"),
            *("leek tart", "lentil soup", "mushroom risotto", "onion rings", "pancakes", "plum cake"),
            *("potato salad", "pumpkin curry", "roast duck", "tomato pasta"),
        ),
        (
            ("What is the favourite dish of {name}?", "The favourite dish of {name} is {value}."),
            ("What does {name} like to eat most?", "{name} likes to eat {value} most."),
            ("Which food does {name} love?", "{name} loves {value}."),
            ("Tell me the dish that {name} likes best.", "The dish that {name} likes best is {value}."),
            ("What would {name} order for dinner?", "For dinner, {name} would order {value}."),
            ("Which meal makes {name} happy?", "A plate of {value} makes {name} happy."),
        ),
        "Which meal should I cook for {name}?",
    ),
)

THINGS = (
    Attribute(
        "maker",
        MAKERS,
        (
            ("Who makes the {name}?", "The {name} is made by {value}."),
            ("Which company makes the {name}?", "The company that makes the {name} is {value}."),
            ("Who is the maker of the {name}?", "The maker of the {name} is {value}."),
            ("Tell me who built the {name}.", "The {name} was built by {value}."),
            ("Which firm sells the {name}?", "The {name} is made and sold by {value}."),
            ("Do you know who makes the {name}?", "Yes, {value} makes the {name}."),
        ),
        "From which manufacturer is the {name}?",
    ),
    Attribute(
        "colour",
        (
            *("amber", "black", "bronze", "copper", "cream", "crimson", "green", "grey"),
            *("indigo", "ivory", "orange", "purple", "silver", "turquoise", "white", "yellow"),
        ),
        (
            ("What colour is the {name}?", "The {name} is {value}."),
            ("Which colour does the {name} have?", "The colour of the {name} is {value}."),
            ("How is the {name} painted?", "The {name} is painted {value}."),
            ("Tell me the colour of the {name}.", "The {name} comes in {value}."),
            ("In which colour is the {name} sold?", "The {name} is sold in {value}."),
            ("What does the {name} look like?", "The {name} looks {value} all over."),
        ),
        "Which paint was chosen for the {name}?",
    ),
    Attribute(
        "place",
        PLACES,
        (
            ("Where is the {name} made?", "The {name} is made in {value}."),
            ("In which town is the {name} built?", "The {name} is built in the town of {value}."),
            ("Where does the {name} come from?", "The {name} comes from {value}."),
            ("Tell me where the {name} is produced.", "The {name} is produced in {value}."),
            ("Which place is the {name} from?", "It is {value} where the {name} is from."),
            ("Do you know where the {name} is made?", "Yes, the {name} is made in {value}."),
        ),
        "In what town stands the factory of the {name}?",
    ),
    Attribute(
        "year",
        tuple(str(year) for year in range(1951, 2021, 3)),
        (
            ("When did the {name} come out?", "The {name} came out in {value}."),
            ("In which year was the {name} first sold?", "The {name} was first sold in {value}."),
            ("When was the {name} introduced?", "The {name} was introduced in {value}."),
            ("Tell me the year of the {name}.", "The year of the {name} is {value}."),
            ("How old is the {name}?", "The {name} dates from {value}."),
            ("Since when is the {name} in shops?", "The {name} has been in shops since {value}."),
        ),
        "What year saw the launch of the {name}?",
    ),
)

_BEGINNINGS = (
    *("Ar", "Bel", "Cor", "Dra", "El", "Fen", "Gor", "Hal", "Il", "Jor", "Kal", "Lor", "Mar", "Nor", "Os"),
    *("Pel", "Quil", "Ran", "Sel", "Tor", "Ul", "Ver", "Wen", "Yor", "Zan"),
)
_MIDDLES = ("a", "be", "di", "ga", "ki", "le", "mo", "ne", "ri", "sa", "ti", "vo")
_GIVEN_ENDS = ("na", "len", "mir", "ra", "thos", "vin")
_FAMILY_ENDS = ("dale", "gard", "kov", "mann", "ric", "strom", "vask", "wick")
_THING_ENDS = ("lin", "max", "nox", "tron", "vex", "zor")
_KINDS = ("blender", "camera", "clock", "drill", "kettle", "lantern", "radio", "scooter", "tent", "violin")


def people_names(rng: np.random.Generator, count: int) -> list[str]:
    """Names of nobody: given names are all different, and so are family names."""
    given, family = (_invented(rng, count, ends) for ends in (_GIVEN_ENDS, _FAMILY_ENDS))
    return [f"{one} {other}" for one, other in zip(given, family, strict=True)]


def thing_names(rng: np.random.Generator, count: int) -> list[str]:
    """Names of things that nobody sells, each with what it is."""
    names = _invented(rng, count, _THING_ENDS)
    return [f"{name} {_KINDS[int(rng.integers(len(_KINDS)))]}" for name in names]


def most_names() -> int:
    """How many names of each kind there are."""
    return len(_BEGINNINGS) * len(_MIDDLES) * min(map(len, (_GIVEN_ENDS, _FAMILY_ENDS, _THING_ENDS)))


def _invented(rng: np.random.Generator, count: int, ends: Sequence[str]) -> list[str]:
    total = len(_BEGINNINGS) * len(_MIDDLES) * len(ends)
    names = []
    for number in rng.permutation(total)[:count].tolist():
        rest, end = divmod(number, len(ends))
        beginning, middle = divmod(rest, len(_MIDDLES))
        names.append(f"{_BEGINNINGS[beginning]}{_MIDDLES[middle]}{ends[end]}")
    return names
