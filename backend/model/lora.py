"""Training of adapters (LoRA): the weights stay as they are, two narrow tables beside each layer are trained.

Checkpoints are PEFT's own, which are small, with the config of the whole model beside them:
`backend.model.loading` loads them on their base.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, TrainerCallback

from backend.model.attempt import attempt
from backend.model.token_losses import whole_model

_SCALE = 2  # alpha, in ranks


def with_adapter(model: PreTrainedModel, rank: int, base: str) -> PreTrainedModel:
    """The model with tables of ``rank`` beside all linear layers but the output head; only they are trained.

    ``base``: folder or hub id of the model, which checkpoints name. Drawn by torch's generator.
    """
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=rank,
        lora_alpha=_SCALE * rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    made: Any = attempt(
        lambda: get_peft_model(model, config), f"{base}: no adapter can be put beside its layers"
    )
    made.peft_config["default"].base_model_name_or_path = base_place(base)
    return made


def base_place(source: str) -> str:
    """Folder of a model: the own one, or where a hub id lies in the cache; the id where it lies nowhere."""
    if Path(source).is_dir():
        return str(Path(source).resolve())
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(source, "config.json")
    return str(Path(found).parent) if isinstance(found, str) else source


class KeepConfig(TrainerCallback):
    """Puts the config of the whole model beside an adapter that is saved."""

    def on_save(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Into the checkpoint of the step at hand."""
        whole_model(model).config.save_pretrained(Path(args.output_dir) / f"checkpoint-{state.global_step}")
