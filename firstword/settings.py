"""Records that methods of `firstword.Workspace` take; each checks its values when it is made.

Loaded when first asked for: some need torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from backend.program import PACKAGE

if TYPE_CHECKING:
    from backend.audit.row_words import Sides
    from backend.data.columns import Columns
    from backend.evaluation.deletion import DeletionSettings
    from backend.evaluation.lds import LdsSettings
    from backend.evaluation.variants import Variant
    from backend.influence.answers.about_answer import AboutAnswer
    from backend.influence.answers.question import Question
    from backend.influence.rowstore.settings import PrecomputeSettings
    from backend.model.generation import Writing
    from backend.model.training_settings import TrainingSettings
    from backend.queue.queue import QueueFilter
    from backend.scores.settings import ScoreSettings
    from backend.trials.question import Asked
    from backend.trials.run import RetrainSettings

__all__ = [
    "AboutAnswer",
    "Asked",
    "Columns",
    "DeletionSettings",
    "LdsSettings",
    "PrecomputeSettings",
    "Question",
    "QueueFilter",
    "RetrainSettings",
    "ScoreSettings",
    "Sides",
    "TrainingSettings",
    "Variant",
    "Writing",
]

_PLACES = {
    "AboutAnswer": "influence.answers.about_answer",
    "Asked": "trials.question",
    "Columns": "data.columns",
    "DeletionSettings": "evaluation.deletion",
    "LdsSettings": "evaluation.lds",
    "PrecomputeSettings": "influence.rowstore.settings",
    "Question": "influence.answers.question",
    "QueueFilter": "queue.queue",
    "RetrainSettings": "trials.run",
    "ScoreSettings": "scores.settings",
    "Sides": "audit.row_words",
    "TrainingSettings": "model.training_settings",
    "Variant": "evaluation.variants",
    "Writing": "model.generation",
}


def __getattr__(name: str) -> Any:
    """A record, from where it is used."""
    if name in _PLACES:
        return getattr(import_module(f"{PACKAGE}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
