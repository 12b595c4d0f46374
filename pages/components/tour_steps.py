"""The steps of the tour: where each is taken, and what it says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TourStep:
    """``page``: what it speaks about; ``name``: in a word; the style sheet marks the part by it."""

    page: str
    name: str
    text: str


STEPS = (
    TourStep(
        "inspect",
        "ask",
        "Choose what to explain: a row that the model gets wrong, a training row, or a text that you type. "
        "Beneath stands what the model says, and why.",
    ),
    TourStep(
        "inspect",
        "why",
        "The examples on the left pulled the model to its answer, those on the right away from it, and blue "
        "and orange words say how. Where the answer is wrong, a wrong training row is often on the left.",
    ),
    TourStep(
        "review",
        "decide",
        "Go through the suspicious rows, the worst first: keep, flag or remove each, or give it its right "
        "label. The key U undoes; your own file never changes.",
    ),
    TourStep(
        "retrain",
        "prove",
        "A trial trains the model with and without your decisions, several times each. Its report says "
        "whether they helped by more than chance.",
    ),
    TourStep(
        "export",
        "export",
        "Download the cleaned data to train on, or the decisions as a patch for somebody with the same rows. "
        "That is all; Help has this tour and every word used here.",
    ),
)
