"""The clean set: rows that are trusted, with which alignment scores compare.

Either eval rows, or the training rows that somebody looked at and decided to keep, with the label in force.
A kept row is compared with a set that contains itself; at ten rows or more its own share, |grad l|^2 / m,
is small against what the others say, and it was kept because it is right. It is not left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.data.dataset import Split
from backend.data.examples import Examples
from backend.errors import InputError
from backend.files import digest
from backend.folder import Folder
from backend.review.ledger import Ledger
from backend.scores.context import Context
from backend.scores.settings import EVAL, ScoreSettings

LEAST, MOST = 10, 2000


@dataclass(frozen=True)
class CleanSet:
    """m trusted examples with the labels in force; ``mark`` changes whenever one of them does."""

    examples: Examples
    mark: str

    def __len__(self) -> int:
        return len(self.examples)


def clean_set(context: Context) -> CleanSet:
    """Up to `MOST` rows, drawn with the settings' seed; `InputError` where there are fewer than `LEAST`.

    Read once for a context, so that decisions made meanwhile do not mix two sets.
    """
    return context.once("clean set", lambda: _clean_set(context))


def _clean_set(context: Context) -> CleanSet:
    settings = context.settings
    if settings.clean == EVAL:
        split, labels = context.evaluation, context.evaluation.labels
        places = range(len(split))
    else:
        split, known = context.train, _kept(context.folder)
        places = [place for place, row in enumerate(split.ids) if row in known]  # type: ignore[assignment]
        labels = [known.get(row) or label for row, label in zip(split.ids, split.labels, strict=True)]
    if len(places) < LEAST:
        raise InputError(_too_few(settings.clean, len(places)))
    chosen = np.sort(np.random.default_rng(settings.seed).permutation(len(places))[:MOST])
    return _chosen(context, split, labels, [places[each] for each in chosen.tolist()])


def too_few_clean(folder: Folder, settings: ScoreSettings) -> str | None:
    """Why there is no clean set; None where there is one."""
    count = folder.manifest().data.n_eval if settings.clean == EVAL else len(_kept(folder))
    return _too_few(settings.clean, count) if count < LEAST else None


def clean_content(folder: Folder, settings: ScoreSettings) -> str | None:
    """Identifies the decisions that make up the clean set; None where none do."""
    return None if settings.clean == EVAL else digest(sorted(_kept(folder).items()))


def _kept(folder: Folder) -> dict[str, str | None]:
    """The rows whose newest decision is keep, and their new label where they have one."""
    states = Ledger(folder.review).states()
    return {row: state.label for row, state in states.items() if state.action == "keep"}


def _chosen(context: Context, split: Split, labels: Sequence[str], places: list[int]) -> CleanSet:
    examples = split.examples.with_targets(labels).take(places)
    numbers = context.space.numbers(examples.targets).tolist()
    return CleanSet(examples, digest("clean", split.info.fingerprint, split.name, places, numbers))


def _too_few(clean: str, count: int) -> str:
    if clean == EVAL:
        return f"--clean eval: the workspace has {count} eval rows; a clean set needs at least {LEAST}"
    return (
        f"--clean kept: {count} training rows are kept; a clean set needs at least {LEAST} "
        "(keep more, or use --clean eval)"
    )
