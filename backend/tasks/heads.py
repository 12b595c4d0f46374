"""The model classes of transformers that the tasks need: a head on a sequence serves all of them so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

SUFFIX = "ForSequenceClassification"
"""How the names of architectures with such a head end."""


def auto_class() -> Any:
    """What loads a model with a head on the whole sequence, one output or several."""
    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification


def register(config: type[PreTrainedConfig], model: type[PreTrainedModel]) -> None:
    """Let `auto_class` load a model of our own."""
    auto_class().register(config, model, exist_ok=True)
