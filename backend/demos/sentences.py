"""The demo of a classifier: sentences of movie reviews, and the queue's first suggestions, taken."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from backend.data.columns import Columns
from backend.data.embedded import ID_PREFIX, write_demo_source
from backend.demos.kind import REVIEWER, Demo
from backend.home import HOME
from backend.progress import Progress
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.model.training_settings import TrainingSettings
    from backend.queue.queue import QueueItem
    from backend.trials.run import RetrainSettings

_SUSPECTS, _REPEATED = 12, 3  # rows that are decided about
_SEEDS, _EPOCHS = 2, 1.0  # of the trial, which is to show a report, not an effect


class SentencesDemo(Demo["QueueItem"]):
    """Rotten Tomatoes and all-MiniLM-L6-v2, both out of packages."""

    task = "classification"
    path = HOME / "demo"
    costs = (
        "model, gradient rows and index take five to eight minutes on two idle cores, 1.4 GB of disk, 3 GB "
        "of memory"
    )
    frozen = 8
    version = "the queue's first suggestions"

    @property
    def decides(self) -> str:
        """Suggestions of the queue."""
        return (
            f"{_SUSPECTS + _REPEATED} decisions in the name of {REVIEWER!r} (the queue's first suggestions, "
            f"unread), a version of them, and a trial ({_SEEDS} seeds, {_EPOCHS:g} epoch)"
        )

    def create(self, path: Path, progress: Progress) -> Workspace:
        """From the embedded sample."""
        with tempfile.TemporaryDirectory() as scratch:
            train, evaluation = write_demo_source(Path(scratch))
            workspace, _ = Workspace.create(
                path,
                train=str(train),
                eval=str(evaluation),
                columns=Columns(text="text", label="label", id="id"),
                model="minilm",
                progress=progress,
            )
        return workspace

    def is_in(self, workspace: Workspace) -> bool:
        """By its ids."""
        return all(row.startswith(ID_PREFIX) for row in workspace.train_split.ids)

    def training(self) -> TrainingSettings:
        """As it comes."""
        from backend.model.training_settings import TrainingSettings

        return TrainingSettings()

    def undecided(self, workspace: Workspace) -> Sequence[QueueItem]:
        """Suspects first, then rows that say again what others say."""
        from backend.queue.queue import QueueFilter

        decided = len(workspace.review.states())
        suspects = max(_SUSPECTS - decided, 0)
        repeated = min(_SUSPECTS + _REPEATED - decided, _REPEATED)
        items = workspace.scores.queue()[:suspects] if suspects else []
        if repeated > 0:
            known = {each.id for each in items}
            queue = workspace.scores.queue(QueueFilter("redundant"))
            further = (each for each in queue if each.action == "remove" and each.id not in known)
            items = [*items, *islice(further, repeated)]
        return items

    def decide(self, workspace: Workspace, decision: QueueItem) -> None:
        """As the queue suggests."""
        why = decision.reasons[0].sentence if decision.reasons else "its place in the queue"
        workspace.review.decide(
            decision.action,  # type: ignore[arg-type]
            [decision.id],
            label=decision.suggested_label,
            reason=f"taken as the queue suggests (rank {decision.rank}), unread: {why}",
            author=REVIEWER,
        )

    def trial(self, workspace: Workspace) -> RetrainSettings:
        """Beside as many rows at random."""
        from backend.trials.run import RetrainSettings
        from backend.trials.strategies.decisions import CLEANED, RANDOM

        return RetrainSettings(seeds=_SEEDS, epochs=_EPOCHS, arms=(CLEANED, RANDOM))
