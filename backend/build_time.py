"""Roughly how long a workspace will take to build, before there is one: by rows, model and processor.

Loads no torch, since a form asks. A pass costs what `backend.pass_cost` says, Adam the memory that it moves.
An order of magnitude, not a promise: `train` measures real steps before it begins.
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.model.config_file import positive, read_config, width_of
from backend.model.training_plan import TrainingPlan
from backend.pass_cost import FORWARD, pass_seconds, tokens_of

_TRAINING = 0.8  # of a pass: mixed precision, longer batches
_ADAM = 4.1e-9  # seconds a weight and step
_TRACED = 1.6  # passes of an example at each checkpoint: gradient rows, then the index
_LOOKS = 4  # at every training row while it learns
_STARTING = 20.0  # seconds: import, loading, compiling
_BASE = (85.1e6, 23.8e6)  # weights of the usual base model, where a model's own can't be read


@dataclass(frozen=True)
class BuildTime:
    """Seconds of training and of tracing (import and loading included), rough."""

    training: float
    tracing: float

    @property
    def seconds(self) -> float:
        """Both."""
        return self.training + self.tracing


def build_time(
    n_train: int,
    n_eval: int,
    characters: float,
    plan: TrainingPlan | None,
    model: str,
    layers: int | None = None,
    max_length: int | None = None,
    checkpoints: int = 4,
) -> BuildTime:
    """The time to train as planned (None: nothing is trained) and to trace every training row.

    ``characters``: of a row's texts, on average.
    """
    inner, embedding = weights_of(model, layers)
    passing = pass_seconds(inner, tokens_of(characters, max_length or 512))
    looks = FORWARD * passing * (_LOOKS * n_train + n_eval)
    training = 0.0
    if plan is not None:
        step = _TRAINING * plan.batch_size * passing + _ADAM * (inner + embedding)
        training, checkpoints = plan.steps * step + looks, plan.checkpoints
    return BuildTime(training, _STARTING + _TRACED * passing * n_train * checkpoints)


def weights_of(model: str, layers: int | None = None) -> tuple[float, float]:
    """Weights beside the embeddings and in them, as a folder's or the cache's config.json has it."""
    config = read_config(model)
    width = width_of(config)
    depth = positive(config, "num_hidden_layers", "n_layers", "num_layers", "n_layer")
    if not width or not depth:
        return _BASE
    inner = positive(config, "intermediate_size", "hidden_dim", "d_ff", "n_inner") or 4 * width
    layer = 4 * width**2 + 2 * width * inner
    return float(layer * (layers or depth)), float(width * (positive(config, "vocab_size") or 30_000))
