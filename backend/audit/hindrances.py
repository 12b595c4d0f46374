"""Why words or sources can't be had in a workspace as it is; loads no model, since pages ask too.

What hinders a score, its producer says (`backend.scores.score.Producer.hindrance`).
"""

from __future__ import annotations

from backend.data.dataset import Split, load_split
from backend.folder import Folder
from backend.model.prediction_table import read_predictions
from backend.scores.clean_set import too_few_clean
from backend.scores.settings import ScoreSettings


def words_hindrance(folder: Folder) -> str | None:
    """That the model is known to get every eval row right, so that no word harms one; else None."""
    if folder.state("predictions") != "current":
        return None
    if read_predictions(folder, "eval", folder.manifest().checkpoints[-1].step).wrong.any():
        return None
    return f"{folder.path}: the model gets no eval row wrong, so no word harms one"


def sources_hindrance(folder: Folder, settings: ScoreSettings) -> str | None:
    """That there are no two sources, or too few clean rows; else None."""
    return no_sources(load_split(folder, "train")) or too_few_clean(folder, settings)


def no_sources(split: Split) -> str | None:
    """That rows have neither groups nor classes, or are all of one; else None."""
    task = split.task.name
    if split.groups is None and task != "classification":
        return f"sources: rows of a {task} workspace have no class; name their column with `init --group`"
    kinds = set(split.labels if split.groups is None else split.groups)
    if len(kinds) < 2:
        return f"sources: all training rows are of the source {kinds.pop()!r}; there must be two"
    return None
