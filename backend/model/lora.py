"""Training of adapters (LoRA): the weights stay as they are, two narrow tables beside each layer are trained.

Checkpoints are PEFT's own, which are small, with the config of the whole model beside them:
`backend.model.loading` loads them on their base.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, TrainerCallback

from backend.model.adapter_files import is_adapter, read_adapter
from backend.model.adapters import find_base
from backend.model.attempt import attempt
from backend.model.config_file import positive, read_config
from backend.model.token_losses import whole_model

_SCALE = 2  # alpha, in ranks


def with_adapter(model: PreTrainedModel, rank: int, base: str) -> PreTrainedModel:
    """The model with tables of ``rank`` beside all linear layers but the output head; only they are trained.

    ``base``: folder or hub id of the model, which checkpoints name; or an adapter of it, which is trained
    further, whatever its rank. A new one is drawn by torch's generator.
    """
    from peft import LoraConfig, PeftModel, get_peft_model

    failure = f"{base}: no adapter can be put beside its layers"
    if is_adapter(Path(base)):
        further: Any = attempt(lambda: PeftModel.from_pretrained(model, base, is_trainable=True), failure)
        return further
    config = LoraConfig(
        r=rank,
        lora_alpha=_SCALE * rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    made: Any = attempt(lambda: get_peft_model(model, config), failure)
    made.peft_config["default"].base_model_name_or_path = base_place(base)
    return made


def base_of(source: str, layers: int | None) -> tuple[str, int | None]:
    """The model that an adapter's folder belongs to, and how many layers of it are kept; else as given."""
    if not is_adapter(Path(source)):
        return source, layers
    kept = positive(read_config(source), "num_hidden_layers", "n_layer")
    return find_base(read_adapter(Path(source)), None), kept if layers is None else layers


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
