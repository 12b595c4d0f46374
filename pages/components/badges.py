"""Small labels: a class, a decision, a state. One look everywhere."""

from __future__ import annotations

from typing import Literal

from backend.data.rowstate import RowState
from pages.components.markup import Html, tag

Tone = Literal["plain", "good", "warn", "bad", "info"]
ACTION_WORDS = {"keep": "kept", "flag": "flagged", "remove": "removed", "relabel": "relabelled"}
ACTION_TONES: dict[str, Tone] = {"keep": "good", "flag": "warn", "remove": "bad", "relabel": "info"}
STATE_TONES: dict[str, Tone] = {"current": "good", "stale": "warn", "missing": "bad"}


def badge(text: str, tone: Tone = "plain", title: str | None = None) -> Html:
    """A rounded label."""
    return tag("span", text, cls=f"fw-badge fw-{tone}", title=title)


def label_badge(label: str, prefix: str = "") -> Html:
    """A class name, with a quiet word before it."""
    return tag("span", tag("span", prefix, cls="fw-prefix") if prefix else "", label, cls="fw-badge fw-plain")


def decision_badge(state: RowState | None) -> Html:
    """What has been decided about a row; nothing if nothing was."""
    if state is None:
        return tag("span")
    word = ACTION_WORDS[state.action] + (f" → {state.label}" if state.label else "")
    title = f"by {state.author}, {state.at}" + (f": {state.reason}" if state.reason else "")
    return badge(word, ACTION_TONES[state.action], title)
