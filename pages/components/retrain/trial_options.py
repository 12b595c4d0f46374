"""The options of a strategy, each as a field of its kind."""

from __future__ import annotations

from typing import Any

import streamlit as st

from backend.workspace import Workspace
from pages.components.markup import distinct, plain_label
from pages.components.number_field import Faults, ask_number
from pages.components.typed_number import Limits

LARGEST = 1e9  # of an option; which values make sense, its strategy says


def ask_options(workspace: Workspace, strategy: str, faults: Faults) -> dict[str, str] | None:
    """Those that differ from the defaults, as text; None, said in a line, where a choice is empty."""
    if strategy == "decisions":
        return {}
    from backend.trials.strategies.registry import strategy_named  # seconds, so only where it is needed

    found: dict[str, str] = {}
    boxes = st.columns(2)
    options = strategy_named(strategy).options_for(workspace.space.task)
    for place, (name, (default, meaning)) in enumerate(options.items()):
        with boxes[place % 2]:
            value = _field(workspace, strategy, name, default, meaning, faults)
        if value is None:
            st.info("No score has been computed yet; this strategy leaves rows out by one.")
            st.page_link(
                "pages/review.py", label="Compute scores on the Review page", icon=":material/checklist:"
            )
            return None
        if value != str(default):
            found[name] = value
    return found


def _field(
    workspace: Workspace, strategy: str, name: str, default: Any, meaning: str, faults: Faults
) -> str | None:
    title, key = name.replace("_", " ").capitalize(), f"option-{strategy}-{name}"
    help = plain_label(f"{meaning[:1].upper()}{meaning[1:]}", 300)
    choices = _choices(workspace, strategy, name)
    if choices is not None:
        if not choices:
            return None
        first = choices.index(default) if default in choices else 0
        return st.selectbox(
            title, choices, index=first, format_func=distinct(choices, 60).__getitem__, key=key, help=help
        )
    if isinstance(default, str):
        return st.text_input(title, value=default, key=key, max_chars=200, help=help).strip() or default
    limits = Limits(-LARGEST, LARGEST, whole=isinstance(default, int))
    value = ask_number(title, key, limits, default, faults, help=help, in_address=False)
    return str(type(default)(value))


def _choices(workspace: Workspace, strategy: str, name: str) -> list[str] | None:
    """The values that an option can have; None where any will do."""
    from backend.trials.strategies.registry import strategy_named
    from pages.components.score_values import read_current

    if (strategy, name) == ("prune", "score"):
        table = read_current(workspace).table
        return [] if table is None else list(table.names)
    known = strategy_named(strategy).choices.get(name)
    return None if known is None else list(known)
