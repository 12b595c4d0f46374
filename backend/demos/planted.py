"""A demo of invented rows with wrong targets: most of these are put right in it, the others left to find."""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backend.data.columns import Columns
from backend.demos.kind import REVIEWER, Demo
from backend.experiments.planted import PlantedRows
from backend.model.embedded import EMBEDDED
from backend.progress import Progress
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.model.training_settings import TrainingSettings
    from backend.trials.run import RetrainSettings

_LAYERS = 2  # a few hundred short rows need no more
_EPOCHS, _RATE, _BATCH, _LENGTH, _CHECKPOINTS, _WARMUP = 6.0, 3e-4, 16, 64, 3, 0.06
_SEEDS = 2  # of the trial
_LEFT = 3  # every third wrong row is left as it is
Relabelling = tuple[str, Any, str]
"""The id of a row, the target that it should have, and why."""


class PlantedDemo(Demo[Relabelling]):
    """Invented rows, and the first layers of all-MiniLM-L6-v2.

    ``target``: their column. ``fault``: what most of the wrong rows have in common, in words.
    """

    target: str
    fault: str
    costs = "model, gradient rows and index take a few minutes on two cores, 0.3 GB of disk, 2 GB of memory"
    frozen = 10**9  # rows, that is: after the last

    def __init__(self, model: str = EMBEDDED) -> None:
        self._model = model

    @abstractmethod
    def rows(self) -> PlantedRows:
        """Its rows, and what is known of them."""

    @property
    def decides(self) -> str:
        """How many rows are put right."""
        return (
            f"{len(self._relabelled())} rows relabelled in the name of {REVIEWER!r} (by what was planted, "
            f"unread), a version of them, and a trial ({_SEEDS} seeds)"
        )

    def create(self, path: Path, progress: Progress) -> Workspace:
        """From our own generator."""
        with tempfile.TemporaryDirectory() as scratch:
            train, evaluation = self.rows().write(Path(scratch))
            workspace, _ = Workspace.create(
                path,
                train=str(train),
                eval=str(evaluation),
                columns=Columns("text", self.target, id="id", group="source", task=self.task),
                model=self._model,
                layers=_LAYERS,
                progress=progress,
            )
        return workspace

    def is_in(self, workspace: Workspace) -> bool:
        """By its ids."""
        return {each["id"] for each in self.rows().train} >= set(workspace.train_split.ids)

    def training(self) -> TrainingSettings:
        """Until the wrong rows are learnt, too."""
        from backend.model.training_settings import TrainingSettings

        return TrainingSettings(
            epochs=_EPOCHS,
            lr=_RATE,
            batch_size=_BATCH,
            max_length=_LENGTH,
            warmup=_WARMUP,
            checkpoints=_CHECKPOINTS,
        )

    def undecided(self, workspace: Workspace) -> Sequence[Relabelling]:
        """The rows that are put right, those with the common fault first."""
        decided = workspace.review.states()
        return [each for each in self._relabelled() if each[0] not in decided]

    def decide(self, workspace: Workspace, decision: Relabelling) -> None:
        """Give it the target that it should have."""
        row, target, reason = decision
        workspace.review.decide("relabel", [row], label=target, reason=reason, author=REVIEWER)

    def trial(self, workspace: Workspace) -> RetrainSettings:
        """Beside the rows as they were."""
        from backend.trials.run import RetrainSettings
        from backend.trials.strategies.decisions import CLEANED

        return RetrainSettings(seeds=_SEEDS, arms=(CLEANED,))

    def _relabelled(self) -> list[Relabelling]:
        rows = self.rows()
        why = dict.fromkeys(rows.habit, self.fault) | dict.fromkeys(rows.slips, "wrong by accident")
        return [
            (row, target, f"planted: {why[row]}; relabelled unread")
            for place, (row, target) in enumerate(rows.right.items())
            if place % _LEFT
        ]
