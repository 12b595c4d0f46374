"""Small labels: a class, a decision, a state. One look everywhere."""

from __future__ import annotations

from typing import Literal

from backend.data.rowstate import RowState
from backend.influence.answers.explanation import Query
from pages.components.markup import Html, brief, join, short, tag

Tone = Literal["plain", "good", "warn", "bad", "info"]
ACTION_WORDS = {
    "keep": "kept",
    "flag": "flagged",
    "remove": "removed",
    "relabel": "relabelled",
    "clear": "taken back",
}
CORRECTED = "corrected"  # a relabelled row, where what is learnt is a text
WORDS_OF_TEXTS = {**ACTION_WORDS, "relabel": CORRECTED}
ACTION_TONES: dict[str, Tone] = {"keep": "good", "flag": "warn", "remove": "bad", "relabel": "info"}
STATE_TONES: dict[str, Tone] = {"current": "good", "stale": "warn", "missing": "bad", "files missing": "bad"}


def badge(text: str, tone: Tone = "plain", title: str | None = None) -> Html:
    """A rounded label."""
    return tag("span", short(text), cls=f"fw-badge fw-{tone}", title=short(title, 1_000) if title else None)


def label_badge(label: str, prefix: str = "") -> Html:
    """A class name, with a quiet word before it."""
    quiet = tag("span", prefix, cls="fw-prefix") if prefix else ""
    return tag("span", quiet, brief(label), cls="fw-badge fw-plain", title=short(label, 1_000))


def verdict_badge(query: Query) -> Html:
    """Whether the prediction is what the row was given; of a number, how far it is from it."""
    if not query.probabilities:
        return badge(f"off by {float(query.predicted) - float(query.given or 'nan'):+.2g}")
    return badge("correct", "good") if query.given == query.predicted else badge("misclassified", "bad")


def copy_badge(words: str) -> Html:
    """That an example is a copy of the query, as `Entry.copy_words` puts it."""
    return badge(words, "warn", "equal up to case, white space and Unicode form")


def decision_badge(state: RowState | None, is_text: bool = False) -> Html:
    """What has been decided about a row, its new label first; nothing if nothing was.

    ``is_text``: what is learnt of it is a text, of which is only said that it was corrected.
    """
    if state is None:
        return tag("span")
    title = f"by {state.author}, {state.at}" + (f": {state.reason}" if state.reason else "")
    parts = []
    if state.label is not None:
        words = CORRECTED if is_text else f"relabelled → {brief(state.label)}"
        parts.append(badge(words, ACTION_TONES["relabel"], title))
    if state.action != "relabel":
        parts.append(badge(ACTION_WORDS[state.action], ACTION_TONES[state.action], title))
    return join(parts)
