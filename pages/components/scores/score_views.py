"""The three views of the Scores page; which one is in the address."""

from __future__ import annotations

from collections.abc import Callable

from backend.workspace import Workspace
from pages.components import keys
from pages.components.choice import pick
from pages.components.score_values import ScoreValues
from pages.components.scores.score_map import show_map
from pages.components.scores.score_states import show_states
from pages.components.scores.score_view import show_score

MAP = "map"
VIEWS: dict[str, tuple[str, Callable[[Workspace, ScoreValues], None]]] = {
    MAP: ("Data map", show_map),
    "one": ("One score", show_score),
    "all": ("All scores", show_states),
}


def ask_view(workspace: Workspace) -> Callable[[Workspace, ScoreValues], None]:
    """Draw the choice; returns the function that draws what was chosen. A data map is one of classes."""
    mapped = workspace.manifest.task.name == "classification"
    titles = {name: title for name, (title, _) in VIEWS.items() if mapped or name != MAP}
    return VIEWS[pick("View", titles, keys.SCORE_VIEW, MAP if mapped else "one")][1]
