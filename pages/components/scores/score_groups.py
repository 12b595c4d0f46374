"""The rows of the data map in groups that have a colour: by correctness, by label, by decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from backend.data.rowstate import RowState
from backend.workspace import Workspace
from pages.components.badges import ACTION_WORDS
from pages.components.conversation.shown_text import action_words
from pages.components.plots import COLOURS

UNDECIDED, OTHERS = "undecided", "other classes"
ALWAYS, MOSTLY, SELDOM, NEVER = (
    "always right",
    "right in half or more",
    "right in less than half",
    "never right",
)


def by_correctness(correctness: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Names, and for every row the place of its name: how often the model was right while it trained."""
    return (
        [ALWAYS, MOSTLY, SELDOM, NEVER],
        np.select([correctness >= 1, correctness >= 0.5, correctness > 0], [0, 1, 2], 3),
    )


def by_label(labels: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The most common classes, and one group for those that have no colour of their own."""
    counted = Counter(labels).most_common()
    kept = [name for name, _ in counted[: len(COLOURS) - (len(counted) > len(COLOURS))]]
    place = {name: number for number, name in enumerate(kept)}
    groups = np.array([place.get(name, len(kept)) for name in labels])
    return [*kept, OTHERS] if len(counted) > len(kept) else kept, groups


def by_decision(
    ids: Sequence[str], states: Mapping[str, RowState], words: Mapping[str, str] = ACTION_WORDS
) -> tuple[list[str], np.ndarray]:
    """What has been decided; ``words``: what decisions are called."""
    actions = list(words)
    groups = np.zeros(len(ids), dtype=np.int64)
    if states:
        groups = np.array([1 + actions.index(states[row].action) if row in states else 0 for row in ids])
    return [UNDECIDED, *words.values()], groups


def groups_of(
    workspace: Workspace, colour: str, correctness: np.ndarray, places: np.ndarray
) -> tuple[list[str], np.ndarray]:
    """Names of the groups, and the group of each of the rows at ``places``; ``colour`` is one of three."""
    split = workspace.train_split
    if colour == "label":
        names, groups = by_label(split.labels)
        return names, groups[places]
    if colour == "decision":
        ids = [split.ids[each] for each in places]
        return by_decision(ids, workspace.review.states(), action_words(workspace))
    return by_correctness(correctness[places])
