"""Which architectures of transformers Firstword explains: the trial pass on each, tiny, with random weights.

    python -m benchmarks.architectures

Every architecture that transformers maps to a classifier of texts goes through the trial pass that `train`
and `attach` make (`backend.influence.gradients.trial_pass`): three texts of different lengths, each alone and
all in one batch, padded on the right and on the left, against the gradient at the whole table. Writes
``docs/architectures.md``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import transformers

from tests.architectures import AGREES, NAMES, NOT_HERE, SIDES, outcome

TABLE = Path(__file__).parents[1] / "docs" / "architectures.md"


def row(name: str) -> str:
    """A line of the table."""
    if name in NOT_HERE:
        return f"| {name} | not tried: {NOT_HERE[name]} | |"
    return f"| {name} | {' | '.join(outcome(name, side).replace('|', '/') for side in SIDES)} |"


def kind(line: str) -> str:
    """By padding on the right: what becomes of an architecture."""
    right, left = (each.strip() for each in line.split("|")[2:4])
    if right == left == AGREES:
        return "agree on both sides"
    if AGREES in (right, left):
        return "agree on one side, are refused on the other"
    return "not tried" if right.startswith("not tried") else "are refused"


def main() -> None:
    """Try all, write the table, print the counts."""
    lines = [row(name) for name in NAMES]
    counts = ", ".join(f"{count} {what}" for what, count in Counter(map(kind, lines)).most_common())
    text = f"""# Architectures

Classifiers of texts of transformers {transformers.__version__}, each tiny and with random weights, in the
trial pass that `train` (before it trains) and `attach` make: gradients at the words against the dense
definition, each text alone and all in one padded batch, within a thousandth. A refusal is the line that a
user reads. Made by `python -m benchmarks.architectures`; a test holds every line.

Of {len(NAMES)}: {counts}.

| model type | padded on the right | padded on the left |
|---|---|---|
"""
    TABLE.write_text(text + "\n".join(lines) + "\n", encoding="utf-8")
    print(counts)


if __name__ == "__main__":
    main()
