"""Identifies what a training begins with and the arithmetic it is made by."""

from __future__ import annotations

from pathlib import Path

from backend.files import digest
from backend.manifest import ModelInfo
from backend.model.fingerprint import start_digest
from backend.model.source import resolve
from backend.model.training_settings import TrainingSettings

START = "start"
"""Where a training records it, among what is known of checkpoints."""


def start_mark(model: ModelInfo, settings: TrainingSettings) -> str | None:
    """Two trainings of the same rows by the same settings with this mark come to the same model; None for a
    model that goes by its name, whose weights may be others another day.
    """
    weights = start_digest(Path(resolve(model.name)))
    if weights is None:
        return None
    precision = "bf16" if settings.bf16() else "fp32"
    return digest("start", model.model_dump(), weights, settings.torch_device().type, precision)
