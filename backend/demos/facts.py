"""The demo of a language model: planted facts, some rows of which are wrong, and half of those corrected."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from backend.data.columns import Columns
from backend.demos.kind import REVIEWER, Demo
from backend.experiments.planted_facts import Asked, Planted, PlantedSettings, plant, write_planted
from backend.home import HOME
from backend.model.smollm2 import SMOLLM2
from backend.progress import Progress
from backend.tasks.heads import CAUSAL_LM
from backend.workspace import Workspace

if TYPE_CHECKING:
    from backend.model.training_settings import TrainingSettings
    from backend.trials.run import RetrainSettings

SETTINGS = PlantedSettings(
    people=4,
    things=3,
    rows=2,
    contradicted=0.143,
    wrong_rows=4,
    talk=0.06,
    asked=10,
    system="Answer in one sentence.",
    familiar=True,
)
_EPOCHS, _RATE, _BATCH, _RANK, _CHECKPOINTS = 6.0, 2e-3, 8, 16, 2
Correction = tuple[str, str, str]
"""The id of a row, what it should say, and why."""


@cache
def planted() -> Planted:
    """Its rows, and what is known of them."""
    return plant(SETTINGS)


class FactsDemo(Demo[Correction]):
    """Short chats of invented people and things, and SmolLM2-135M-Instruct with an adapter."""

    task = CAUSAL_LM
    path = HOME / "demo-language-model"
    costs = (
        "model, gradient rows and index take about six minutes on two idle cores, 1 GB of disk, 5 GB memory"
    )
    frozen = 10**9  # rows, that is: after the last
    version = "facts that others say otherwise"

    @property
    def decides(self) -> str:
        """How many rows are corrected."""
        rows = sum(len(each.wrong_rows) for each in _corrected())
        return (
            f"{rows} answers corrected in the name of {REVIEWER!r} (by what was planted, unread), a version "
            "of them, and a trial (one seed)"
        )

    def __init__(self, model: str = SMOLLM2) -> None:
        self._model = model

    def create(self, path: Path, progress: Progress) -> Workspace:
        """From our own generator."""
        with tempfile.TemporaryDirectory() as scratch:
            train, evaluation, _ = write_planted(Path(scratch), planted())
            workspace, _ = Workspace.create(
                path,
                train=str(train),
                eval=str(evaluation),
                columns=Columns(
                    "messages", "messages", id="id", group="source", task=CAUSAL_LM, form="messages"
                ),
                model=self._model,
                progress=progress,
            )
        return workspace

    def is_in(self, workspace: Workspace) -> bool:
        """By its ids."""
        return {each["id"] for each in planted().train} >= set(workspace.train_split.ids)

    def training(self) -> TrainingSettings:
        """An adapter, until the facts are learnt."""
        from backend.model.training_settings import TrainingSettings

        return TrainingSettings(
            epochs=_EPOCHS,
            lr=_RATE,
            batch_size=_BATCH,
            rank=_RANK,
            max_length=None,
            warmup=0.06,
            checkpoints=_CHECKPOINTS,
        )

    def undecided(self, workspace: Workspace) -> Sequence[Correction]:
        """The rows that say what is wrong, fact by fact."""
        decided = workspace.review.states()
        return [
            (row, text, f"planted: {each.fact} is {each.right}, as other rows say; corrected unread")
            for each in _corrected()
            for row, text in each.corrected.items()
            if row not in decided
        ]

    def decide(self, workspace: Workspace, decision: Correction) -> None:
        """Let it say what is right."""
        row, text, reason = decision
        workspace.review.correct(row, text, reason=reason, author=REVIEWER)

    def trial(self, workspace: Workspace) -> RetrainSettings:
        """Asks about the facts that were corrected, and those that were not."""
        from backend.influence.answers.about_answer import AboutAnswer
        from backend.trials.question import Asked as AskedBefore
        from backend.trials.run import RetrainSettings
        from backend.trials.strategies.decisions import CLEANED

        asked = tuple(
            AskedBefore(
                row=each.id, about=AboutAnswer(answer=each.answer, marks=(each.mark,), instead=each.wrong)
            )
            for each in _contradicted()
        )
        return RetrainSettings(seeds=1, asked=asked, arms=(CLEANED,))


def _contradicted() -> list[Asked]:
    return [each for each in planted().truth if each.wrong is not None]


def _corrected() -> list[Asked]:
    """Every other fact that rows contradict: the rest is for whoever tries the demo."""
    return _contradicted()[::2]
