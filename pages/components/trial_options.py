"""The options of a strategy, each as a field of its kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from backend.influence.modes import MODES
from backend.selection.prune import WAYS
from backend.selection.registry import STRATEGIES
from backend.selection.select import BY
from backend.workspace import Workspace
from pages.components.markup import plain_label, short

CHOICES: dict[tuple[str, str], Callable[[Workspace], list[str]]] = {
    ("select", "by"): lambda workspace: list(BY),
    ("prune", "way"): lambda workspace: list(WAYS),
    ("prune", "score"): lambda workspace: _scores(workspace),
    ("reweight", "score"): lambda workspace: list(MODES),
}


def ask_options(workspace: Workspace, strategy: str) -> dict[str, str] | None:
    """Those that differ from the defaults, as text; None, said in a line, where a choice is empty."""
    if strategy not in STRATEGIES:
        return {}
    found: dict[str, str] = {}
    boxes = st.columns(2)
    for place, (name, (default, meaning)) in enumerate(STRATEGIES[strategy].options.items()):
        with boxes[place % 2]:
            value = _field(workspace, strategy, name, default, meaning)
        if value is None:
            st.info("No score has been computed yet; this strategy leaves rows out by one.")
            st.page_link(
                "pages/review.py", label="Compute scores on the Review page", icon=":material/checklist:"
            )
            return None
        if value != str(default):
            found[name] = value
    return found


def _field(workspace: Workspace, strategy: str, name: str, default: Any, meaning: str) -> str | None:
    title, key = name.replace("_", " ").capitalize(), f"option-{strategy}-{name}"
    help = plain_label(f"{meaning[:1].upper()}{meaning[1:]}", 300)
    if (strategy, name) in CHOICES:
        choices = CHOICES[strategy, name](workspace)
        if not choices:
            return None
        first = choices.index(default) if default in choices else 0
        return st.selectbox(
            title, choices, index=first, format_func=lambda n: short(n, 60), key=key, help=help
        )
    if isinstance(default, str):
        return st.text_input(title, value=default, key=key, max_chars=200, help=help).strip() or default
    whole = isinstance(default, int)
    value = st.number_input(
        title, value=default, step=1 if whole else None, format="%d" if whole else "%g", key=key, help=help
    )
    return str(default if value is None else type(default)(value))


def _scores(workspace: Workspace) -> list[str]:
    from pages.components.queue_scores import scores_are_there

    return list(workspace.scores().names) if scores_are_there(workspace) else []
