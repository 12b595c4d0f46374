"""What a file of your own needs to add a task, an attribution method, a score or a strategy of retraining.

>>> from firstword.extend import Producer, Score, register_scores

An extension is a Python file (or a module of an installed package) whose import calls one of the four
functions ``register_task``, ``register_method``, ``register_scores`` and ``register_strategy``. Name it in
the environment variable ``FIRSTWORD_EXTENSIONS`` (files or modules, with commas or colons between them), or
give your package an entry point of the group ``firstword.extensions``: command line, app and jobs in the
background then know what it adds. A notebook or a script just calls the function. See ``examples/``.

Importing this module loads neither torch nor transformers; import them inside the functions that compute, and
a list or a decision stays as quick as it was.
"""

from typing import TYPE_CHECKING, Any

from backend.data.columns import Columns
from backend.data.targets.class_kind import Classes
from backend.data.targets.kind import TargetKind
from backend.data.targets.number_kind import RealNumbers
from backend.data.targets.set_kind import LabelSets
from backend.data.targets.space import Space
from backend.data.targets.text_kind import Texts
from backend.errors import InputError
from backend.influence.answers.catalogue import register as register_method
from backend.influence.answers.method import Asked, Found, Method
from backend.influence.answers.scanned import Scanned
from backend.influence.answers.similarity import Similarity
from backend.scores.context import Context as ScoreContext
from backend.scores.registry import register as register_scores
from backend.scores.score import Columns as ScoreColumns
from backend.scores.score import Producer, Score
from backend.scores.settings import ScoreSettings
from backend.tasks.causal_lm import CausalLM
from backend.tasks.classification import Classification
from backend.tasks.multilabel import MultiLabel
from backend.tasks.registry import register as register_task
from backend.tasks.regression import Regression
from backend.tasks.task import Choice, Figure, Judged, Task, named_figures
from backend.trials.arm import Arm, Phase, Rows, Trial, same_rows
from backend.trials.strategies.registry import register as register_strategy
from backend.trials.strategies.strategy import Strategy, StrategyContext

if TYPE_CHECKING:
    from backend.model.recipe import Recipe
    from backend.trials.recipes.fixed_weights import FixedWeights

__all__ = [
    "Arm",
    "Asked",
    "CausalLM",
    "Choice",
    "Classes",
    "Classification",
    "Columns",
    "Figure",
    "FixedWeights",
    "Found",
    "InputError",
    "Judged",
    "LabelSets",
    "Method",
    "MultiLabel",
    "Phase",
    "Producer",
    "RealNumbers",
    "Recipe",
    "Regression",
    "Rows",
    "Scanned",
    "Score",
    "ScoreColumns",
    "ScoreContext",
    "ScoreSettings",
    "Similarity",
    "Space",
    "Strategy",
    "StrategyContext",
    "TargetKind",
    "Task",
    "Texts",
    "Trial",
    "named_figures",
    "register_method",
    "register_scores",
    "register_strategy",
    "register_task",
    "same_rows",
]


def __getattr__(name: str) -> Any:
    """Recipes are torch's: only who asks for one waits for it."""
    if name == "FixedWeights":
        from backend.trials.recipes.fixed_weights import FixedWeights

        return FixedWeights
    if name == "Recipe":
        from backend.model.recipe import Recipe

        return Recipe
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
