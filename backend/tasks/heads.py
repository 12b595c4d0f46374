"""The model classes of transformers that the tasks need: a head on a sequence, or one that writes text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backend.manifest import TaskName

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

SUFFIX = "ForSequenceClassification"
"""How the names of architectures with a head on a sequence end."""
WRITES = ("ForCausalLM", "LMHeadModel")
"""How those of models end that write one token after the other."""
CAUSAL_LM = "causal-lm"


def auto_class(task: TaskName = "") -> Any:
    """What loads a model of the task: for most a head on the whole sequence, one output or several."""
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    return AutoModelForCausalLM if task == CAUSAL_LM else AutoModelForSequenceClassification


def register(config: type[PreTrainedConfig], model: type[PreTrainedModel]) -> None:
    """Let `auto_class` load a model of our own."""
    auto_class().register(config, model, exist_ok=True)


def writes_text(architecture: str) -> bool:
    """Whether a class of models, by its name, writes one token after the other."""
    return architecture.endswith(WRITES)
