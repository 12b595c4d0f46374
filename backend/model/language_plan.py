"""How to fine-tune a language model on so many rows, before anything is loaded; as `training_plan` does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from backend.model.config_file import read_config, width_of
from backend.model.training_plan import TrainingPlan

RANK = 16
MAX_LENGTH = 1024
"""Tokens of a row that are read unless somebody says otherwise, as TRL has it."""
_RATE, _WIDTH = 1e-3, 576  # of LoRA on SmolLM2 (docs/decisions.md, D-154)
_FULL = 0.05  # of that rate, where all weights are trained
_STEPS = 400
_LEAST_EPOCHS, _MOST_EPOCHS = 2, 15
_BATCHES = ((200, 4), (2_000, 8))  # rows below which batches are that small
_BATCH = 16
_WARMUP = 0.06
_CHECKPOINTS = 4
_FEW = 0.2  # of the steps planned
_FAST = 5  # times the planned rate


def make_language_plan(
    n_rows: int, model: str, rank: int | None, given: Mapping[str, Any] | None = None
) -> TrainingPlan:
    """Plan the fine-tuning of ``model`` (hub id, folder or ``smollm2``) on ``n_rows`` rows.

    ``rank``: of the adapter, None where all weights are trained. ``given``: values of `TrainingSettings` that
    somebody has chosen; they win, and None means not chosen.
    """
    chosen = {name: value for name, value in (given or {}).items() if value is not None}
    width = width_of(read_config(model))
    batch = chosen.get("batch_size") or next((size for below, size in _BATCHES if n_rows < below), _BATCH)
    ideal = {
        "epochs": float(min(max(math.ceil(_STEPS / _per_epoch(n_rows, batch)), _LEAST_EPOCHS), _MOST_EPOCHS)),
        "lr": _rate(width, rank),
        "batch_size": batch,
        "warmup": _WARMUP,
        "checkpoints": _CHECKPOINTS,
    }
    taken = {**ideal, **{name: chosen[name] for name in ideal if name in chosen}}
    steps = math.ceil(taken["epochs"] * _per_epoch(n_rows, max(taken["batch_size"], 1)))
    trained = "all weights" if rank is None else f"an adapter of rank {rank}"
    wide = f"a model {width:,} wide" if width else "a model of unknown width"
    reason = (
        f"a language model learns such rows in about {_STEPS:,} steps; {ideal['epochs']:g} epochs of "
        f"{n_rows:,} rows in batches of {batch} are "
        f"{math.ceil(ideal['epochs'] * _per_epoch(n_rows, batch)):,}; {trained} of {wide} at {ideal['lr']:g}"
    )
    own = [name for name in ideal if name in chosen]
    if own:
        reason += f"; {', '.join(own)} as you asked, {steps:,} steps"
    return TrainingPlan(**taken, steps=steps, reason=reason, warnings=tuple(_warnings(taken, ideal, n_rows)))


def _per_epoch(rows: int, batch: int) -> int:
    return max(math.ceil(rows / batch), 1)


def _rate(width: int | None, rank: int | None) -> float:
    """Peak learning rate, to one digit: it falls as the width grows."""
    rate = _RATE * min(_WIDTH / (width or 2_048), 4.0) * (_FULL if rank is None else 1.0)
    return float(f"{rate:.0e}")


def _warnings(taken: Mapping[str, Any], ideal: Mapping[str, Any], rows: int) -> list[str]:
    def far(values: Mapping[str, Any]) -> float:
        return values["epochs"] * _per_epoch(rows, max(values["batch_size"], 1)) * values["lr"]

    lines = []
    if far(taken) < _FEW * far(ideal):
        lines.append(
            f"this will hardly learn the rows: about {ideal['epochs']:g} epochs at {ideal['lr']:g} would do"
        )
    if taken["lr"] > _FAST * ideal["lr"]:
        lines.append(
            f"a learning rate of {taken['lr']:g} may well diverge; this model learns well at {ideal['lr']:g}"
        )
    return lines
