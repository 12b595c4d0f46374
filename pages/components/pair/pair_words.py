"""What the numbers of a pair say, in words."""

from __future__ import annotations

from backend.influence.answers.explanation import Pair
from pages.components.markup import brief, short
from pages.components.numbers import Unit, percent
from pages.components.pair.pair_drawing import Row

NAMED = 3
LEAST_SHARE = 0.05  # of the score: less is not worth a word


def pair_sentence(pair: Pair, rows: list[Row]) -> str:
    """One to three sentences: which way the example pulled, through which words, and what pulled back."""
    label = brief(pair.query.label)
    if pair.sign == 0:
        return (
            f"This training example says nothing about “{label}” here: its score is 0. Only words that "
            "stand in both texts can carry any."
        )
    towards = "more" if pair.sign > 0 else "less"
    start = f"Training on this example made “{label}” {towards} likely"
    if pair.query.task != "classification":
        start = f"Training on this example {pair.query.helped if pair.sign > 0 else pair.query.harmed}"
    strong = [row for row in rows if row.kind == "word" and abs(row.score / pair.entry.score) >= LEAST_SHARE]
    along = [row for row in strong if row.score * pair.sign > 0][:NAMED]
    against = [row for row in strong if row.score * pair.sign < 0][:NAMED]
    sentences = [f"{start}, mainly through {_named(along, pair)}." if along else f"{start}."]
    if against:
        verb = "pulls" if len(against) == 1 else "pull"
        sentences.append(f"{_named(against, pair)} {verb} the other way.")
    special = pair.entry.special / pair.entry.score
    if abs(special) >= LEAST_SHARE:
        named = "Template tokens" if pair.query.fields else "Special tokens"
        sentences.append(f"{named}, which stand in every text, carry {percent(special)}.")
    return " ".join(sentences)


def pair_sum(pair: Pair, unit: Unit) -> str:
    """The sum that the score is."""
    words = sum(each.score for each in pair.pairs)
    special = "template tokens" if pair.query.fields else "special tokens"
    parts = f"{unit.signed(words)} words, {unit.signed(pair.entry.special)} {special}"
    other = unit.signed(pair.other)
    if float(other.strip("+−").replace(",", "")):
        parts += f", {other} rounding of stored gradients"
    return f"{parts}: together {unit.signed(pair.entry.score)} {unit.name}".strip() + "."


def _named(rows: list[Row], pair: Pair) -> str:
    names = [f"“{short(row.name, 40)}” ({percent(row.score / pair.entry.score)})" for row in rows]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
