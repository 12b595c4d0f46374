"""A made-up data set of what customers ask a bank: 77 intents, the product times what is the matter with it.

    python -m benchmarks.intents --rows 3000 --seed 0 --out DIR [--eval 770] [--uneven 1] [--long-names]

Writes ``DIR/train.csv`` and ``DIR/eval.csv`` (columns id, text, label). All wordings are our own. Each of 11
products shares its nouns with 6 other intents, each of 7 matters its verbs with 10 others; some nouns belong
to two products; a third of the texts mentions another product first; some have slips of the finger. So no
single word gives an intent away, and a model must learn combinations. A tenth of the texts names the product
by a word that fits others too ("my card"), a tenth says what is the matter so vaguely that others fit: these
can only be guessed, and nobody gets all of them right. No text occurs twice, in either file.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Iterator
from pathlib import Path

PRODUCTS = {
    "transfer": (
        "transfer",
        "bank transfer",
        "payment to my friend",
        "wire",
        "money I sent",
        "payment abroad",
    ),
    "direct debit": ("direct debit", "standing order", "monthly payment", "automatic payment", "mandate"),
    "card payment": (
        "card payment",
        "purchase",
        "payment at the shop",
        "online order",
        "contactless payment",
    ),
    "top-up": ("top-up", "deposit", "payment into my account", "money I added", "recharge"),
    "cash withdrawal": ("cash withdrawal", "ATM withdrawal", "money from the machine", "cash", "withdrawal"),
    "currency exchange": ("currency exchange", "conversion to euros", "exchange", "dollars I bought"),
    "refund": ("refund", "money back from the shop", "reimbursement", "returned purchase", "credit note"),
    "savings pot": ("savings pot", "savings", "pot for the holidays", "saving plan", "deposit for later"),
    "loan": ("loan", "credit", "instalment", "personal loan", "monthly rate"),
    "cheque": ("cheque", "cheque deposit", "paper cheque", "cheque from my landlord"),
    "card order": ("new card", "replacement card", "second card", "card order", "plastic card"),
}
MATTERS = {
    "fee": (
        "why did you charge me for the {x}",
        "is there a fee on a {x}",
        "what does a {x} cost {when}",
        "I paid {sum} extra for my {x}, what is that",
        "nobody told me the {x} would not be free",
        "how expensive is it to have a {x} {place}",
        "do you take a commission on the {x}",
        "the {x} came with costs of {sum}, explain please",
    ),
    "delay": (
        "my {x} is still pending {when}",
        "how long until the {x} goes through",
        "I have been waiting for my {x} {when}",
        "when will the {x} arrive",
        "the {x} has not shown up {when}",
        "is it normal that a {x} takes this long",
        "where is my {x}, it should be here by now",
        "the {x} says processing {when}",
    ),
    "failure": (
        "my {x} was declined {place}",
        "the {x} does not work {place}",
        "why did the {x} fail",
        "I get an error with my {x} {when}",
        "the {x} was rejected, what went wrong",
        "you refused my {x} {when}",
        "tried the {x} three times {place} and nothing works",
        "the {x} bounced {when}",
    ),
    "limit": (
        "what is the most I can have as a {x}",
        "is {sum} too much for one {x}",
        "how often may I use a {x} {when}",
        "is there a maximum for the {x} {place}",
        "I want a {x} of more than {sum}",
        "please raise the ceiling of my {x}",
        "which limits are there for a {x} {place}",
        "the {x} stops at {sum}, can I go higher",
    ),
    "cancel": (
        "please stop my {x}",
        "I want to undo the {x} from {when}",
        "can I take back the {x}",
        "the {x} was a mistake, get rid of it",
        "how do I cancel a {x} {place}",
        "I do not want the {x} any more",
        "is it too late to call off the {x}",
        "revoke the {x} over {sum}",
    ),
    "start": (
        "how do I get a {x} {place}",
        "what do I need for a {x}",
        "I would like my first {x}",
        "where in the app is the {x}",
        "can you set up a {x} for me",
        "which steps are there to make a {x} {place}",
        "am I allowed to have a {x}",
        "explain how a {x} works {place}",
    ),
    "mistake": (
        "the amount of my {x} is wrong",
        "I do not recognise the {x} {when}",
        "the {x} was booked twice",
        "only {sum} of my {x} is there",
        "there is a {x} over {sum} that is not mine",
        "the {x} shows {sum} and I agreed to less",
        "someone else made a {x} in my name {place}",
        "the statement has a {x} I know nothing of",
    ),
}
_SHARED_NOUNS = {
    "payment": ("transfer", "direct debit", "card payment"),
    "money": ("transfer", "top-up", "cash withdrawal", "refund"),
    "card": ("card payment", "cash withdrawal", "card order"),
    "account": ("top-up", "savings pot", "loan", "cheque"),
    "contract": ("direct debit", "loan", "savings pot"),
    "amount in another currency": ("currency exchange", "transfer", "cash withdrawal"),
}
_VAGUE = {
    "there is something wrong with my {x} {when}": ("delay", "failure", "mistake"),
    "what happened to the {x} over {sum}": ("delay", "failure", "mistake"),
    "I want to change something about my {x}": ("limit", "cancel", "start"),
    "can you look into the {x} {place}": ("fee", "failure", "mistake"),
    "what are the rules for a {x} {place}": ("fee", "limit", "start"),
}
_UNCLEAR = 0.1  # share of texts with a shared noun, and of those that are vague
_LONG = ", asked about or complained of by a customer of the bank"
_WHEN = (
    "today",
    "since Monday",
    "for three days",
    "this week",
    "yesterday",
    "last month",
    "for ages",
    "so far",
    "",
)
_PLACE = (
    "abroad",
    "in the app",
    "at the counter",
    "in Spain",
    "on the website",
    "at night",
    "from my phone",
    "",
)
_SUM = ("5 euros", "20 pounds", "$300", "1,000 euros", "49.99", "half of it", "two hundred")
_OPENINGS = (
    "hello,",
    "hi there,",
    "please help:",
    "quick question,",
    "good morning,",
    "sorry to bother you,",
    "so",
)
_ENDINGS = ("thanks", "please advise", "I am getting worried", "kind regards", "this is urgent", "any idea?")
_ASIDES = (
    "the {y} went fine, but",
    "I asked about my {y} before, now",
    "it is not about the {y},",
    "apart from the {y},",
    "after my {y} last week",
    "as with the {y},",
)


def class_names(long_names: bool = False) -> list[str]:
    """The 77 intents: short ones such as ``transfer: fee``, or up to 60 characters long."""
    short = [f"{product}: {matter}" for product in PRODUCTS for matter in MATTERS]
    return [f"{name}{_LONG}"[:60] for name in short] if long_names else short


def intents(
    rows: int,
    eval_rows: int,
    seed: int = 0,
    *,
    uneven: float = 0.0,
    long_names: bool = False,
    noise: float = 0.0,
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Training and eval rows (id, text, label), the same for the same arguments.

    Args:
        uneven: exponent of the classes' sizes: the one of rank r gets a share of r ** -uneven.
        noise: share of the training rows whose label is drawn anew among the other intents of the product.
    """
    generator = random.Random(f"intents {seed}")
    names = class_names(long_names)
    order = list(range(len(names)))
    generator.shuffle(order)
    shares = [(rank + 1) ** -uneven for rank in range(len(names))]
    seen: set[str] = set()
    splits = []
    for name, count in (("train", rows), ("eval", eval_rows)):
        # One of each class first: a class that a split lacks would be another data set.
        ranks = [*range(min(count, len(names)))]
        ranks += generator.choices(range(len(names)), shares, k=count - len(ranks))
        generator.shuffle(ranks)
        split = []
        for number, rank in enumerate(ranks):
            kind = order[rank]
            text = next(each for each in _wordings(generator, kind) if each not in seen)
            seen.add(text)
            split.append({"id": f"{name}-{number}", "text": text, "label": names[kind]})
        splits.append(split)
    for row in splits[0]:
        if generator.random() < noise:
            row["label"] = _neighbour(generator, names, row["label"])
    return splits[0], splits[1]


def _neighbour(generator: random.Random, names: list[str], label: str) -> str:
    """Another intent of the same product: a mistake that people make."""
    first = names.index(label) // len(MATTERS) * len(MATTERS)
    return generator.choice([each for each in names[first : first + len(MATTERS)] if each != label])


def _wordings(generator: random.Random, kind: int) -> Iterator[str]:
    """Texts of one of the 77 intents, without end."""
    products, matters = list(PRODUCTS), list(MATTERS)
    product, matter = products[kind // len(matters)], matters[kind % len(matters)]
    shared = [noun for noun, those in _SHARED_NOUNS.items() if product in those]
    vague = [wording for wording, those in _VAGUE.items() if matter in those]
    while True:
        nouns = shared if shared and generator.random() < _UNCLEAR else PRODUCTS[product]
        wordings = vague if vague and generator.random() < _UNCLEAR else MATTERS[matter]
        text = generator.choice(wordings).format(
            x=generator.choice(nouns),
            when=generator.choice(_WHEN),
            place=generator.choice(_PLACE),
            sum=generator.choice(_SUM),
        )
        if generator.random() < 0.35:
            other = generator.choice([each for each in products if each != product])
            text = f"{generator.choice(_ASIDES).format(y=generator.choice(PRODUCTS[other]))} {text}"
        if generator.random() < 0.3:
            text = f"{generator.choice(_OPENINGS)} {text}"
        if generator.random() < 0.3:
            text = f"{text}, {generator.choice(_ENDINGS)}"
        yield _slip(generator, " ".join(text.split()))


def _slip(generator: random.Random, text: str) -> str:
    """A letter too few, or two in the wrong order, in every eighth text; small letters in every third."""
    if generator.random() < 0.33:
        text = text.lower()
    if generator.random() < 0.125:
        place = generator.randrange(1, len(text) - 1)
        swapped = text[place + 1] + text[place] if generator.random() < 0.5 else ""
        text = text[:place] + swapped + text[place + 1 + bool(swapped) :]
    return text[0].upper() + text[1:] if generator.random() < 0.5 else text


def write(folder: Path, train: list[dict[str, str]], evaluation: list[dict[str, str]]) -> None:
    """Write both splits as CSV into ``folder``, which is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("train", train), ("eval", evaluation)):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["id", "text", "label"])
            writer.writeheader()
            writer.writerows(rows)


def main() -> None:
    """Write a data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--eval", type=int, default=770)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--uneven", type=float, default=0.0, help="0: equal classes; 1: sizes as 1, 1/2, 1/3, ..."
    )
    parser.add_argument("--long-names", action="store_true", help="class names of 60 characters")
    parser.add_argument("--noise", type=float, default=0.0, help="share of wrong training labels")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    train, evaluation = intents(
        given.rows,
        given.eval,
        given.seed,
        uneven=given.uneven,
        long_names=given.long_names,
        noise=given.noise,
    )
    write(given.out, train, evaluation)
    print(f"{given.out}: {len(train):,} training and {len(evaluation):,} eval rows of 77 intents")


if __name__ == "__main__":
    main()
