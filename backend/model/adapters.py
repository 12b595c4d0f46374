"""Adapters of PEFT (LoRA and its kin), loaded on the model that they belong to.

An adapter's folder has no config of the model, so a workspace keeps a copy of the adapters it was given with
one beside them (`backend.model.kept_adapters`); only such a folder is loaded.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn
from transformers import AutoConfig, PreTrainedConfig, PreTrainedModel

from backend.data.messages import shown_value
from backend.errors import InputError
from backend.model.adapter_files import PREFIX, WEIGHTS, Adapter, doubled, is_adapter, read_adapter
from backend.model.attempt import attempt
from backend.model.sharded_weights import refuse_shards
from backend.model.source import resolve

# PEFT asks transformers for what that has another name for now: nothing that a user could do.
warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)


def find_base(adapter: Adapter, given: str | None) -> str:
    """Folder of the model that an adapter belongs to: ``given`` (folder or hub id), else the recorded one.

    One of the hub is fetched, and its folder is that of a commit: what is meant does not move. `InputError`
    says what to give where the recorded one is not here.
    """
    recorded = adapter.recorded_base
    try:
        base = resolve(recorded if given is None else given)
    except InputError as error:
        if given is not None:
            raise
        said = f"{shown_value(recorded, 200)} is not here" if recorded else "is not recorded"
        raise InputError(
            f"{adapter.folder}: holds an adapter, and the model that it was trained on {said}; "
            "name it with --base FOLDER_OR_HUB_ID"
        ) from error
    if not Path(base).is_dir():
        base = _fetched(adapter, base, adapter.revision if given is None else None)
    home = Path(base).resolve()
    if is_adapter(home):
        raise InputError(f"{home}: the base of an adapter, but an adapter itself; merge it into its model")
    if defect := doubled(home):
        raise InputError(f"{home}: the base of an adapter, but {defect}")
    refuse_shards(home, f"{home}, the base of an adapter")
    return str(home)


def _fetched(adapter: Adapter, hub_id: str, revision: str | None) -> str:
    from huggingface_hub import snapshot_download

    return attempt(
        lambda: snapshot_download(
            hub_id, revision=revision, allow_patterns=["*.json", "*.safetensors"], ignore_patterns=["*/*"]
        ),
        f"{adapter.folder}: the model that its adapter was trained on, {shown_value(hub_id)}, cannot be "
        "fetched (--base names another place)",
    )


def base_config(adapter: Adapter, base: str) -> PreTrainedConfig:
    """The config of the whole model: its base's, with as many outputs as the adapter's head."""
    config = attempt(
        lambda: AutoConfig.from_pretrained(base, trust_remote_code=False),
        f"{adapter.folder}: the model that its adapter was trained on, {base}, cannot be loaded "
        "(--base names another place)",
    )
    if adapter.outputs is not None and config.num_labels != adapter.outputs:
        config.num_labels = adapter.outputs
    return config


def load_adapted(
    folder: Path, load_base: Callable[[str], tuple[PreTrainedModel, set[str]]]
) -> PreTrainedModel:
    """The model of an adapter's folder that a workspace keeps.

    The base's layers stay as they are, with the adapter's beside them, so that checkpoints can share what
    is the same in all; only where a table of words was adapted, that which is read or a language model's
    output, is all merged.

    Args:
        folder: an adapter. load_base: the model of a folder or hub id, and the names of its parameters that
        are not trained, of which the adapter must hold all.
    Raises `InputError` where base and adapter do not fit.
    """
    from peft import PeftModel

    adapter = read_adapter(folder)
    model, untrained = load_base(find_base(adapter, None))
    lacking = sorted(name for name in untrained if PREFIX + name not in adapter.shapes)
    if lacking:
        raise InputError(f"{folder}: neither the adapter nor its base has trained weights for {lacking[0]}")
    _resize(model, adapter)
    whole: Any = attempt(
        lambda: PeftModel.from_pretrained(model, str(folder), is_trainable=True),  # which says what was
        f"{folder}: its adapter does not fit {adapter.recorded_base}",
    )
    _require_loaded(whole, adapter)
    adapted: Any = whole.get_base_model()
    _put_in_place(adapted)
    if _tables_adapted(adapted):
        _part_tables(adapted)
        adapted = whole.merge_and_unload()
        adapted.trained_by_adapter = None
    else:
        trained = (name for name, each in adapted.named_parameters() if each.requires_grad)
        adapted.trained_by_adapter = frozenset(trained)
    return adapted


def has_adapter(model: nn.Module) -> bool:
    """Whether a model was loaded by `load_adapted`."""
    return hasattr(model, "trained_by_adapter")


def trained_by_adapter(model: nn.Module) -> frozenset[str] | None:
    """Names of the parameters that an adapter trained; None for a whole model, or where all is merged."""
    return getattr(model, "trained_by_adapter", None)


def _resize(model: PreTrainedModel, adapter: Adapter) -> None:
    """Give the word embeddings as many rows as the adapter holds, where tokens were added in training."""
    layer = model.get_input_embeddings()
    name = next((name for name, each in model.named_modules() if each is layer), None)
    for own in (f"{PREFIX}{name}.weight", f"{PREFIX}{name}.base_layer.weight"):
        shape = adapter.shapes.get(own)
        if shape is not None and shape[0] != layer.num_embeddings:
            model.resize_token_embeddings(shape[0], mean_resizing=False)


def _require_loaded(whole: Any, adapter: Adapter) -> None:
    """`InputError` unless each tensor of the file is the model's now, and none is left as it was drawn."""
    from peft import get_peft_model_state_dict

    own = get_peft_model_state_dict(whole, save_embedding_layers=False)
    every: dict[str, Tensor] = {**whole.state_dict(), **own}
    with safe_open(adapter.folder / WEIGHTS, framework="pt") as file:
        for name in adapter.shapes:
            there, found = file.get_tensor(name), every.get(name)
            if found is None or found.shape != there.shape or not torch.equal(found, there.to(found.dtype)):
                raise InputError(
                    f"{adapter.folder}: {shown_value(name, 200)} of its adapter has no place in "
                    f"{adapter.recorded_base}; is it the model that it was trained on (--base)?"
                )
    if drawn := sorted(own.keys() - adapter.shapes.keys()):
        raise InputError(f"{adapter.folder}: its adapter lacks {shown_value(drawn[0], 200)}")


def _tables_adapted(model: PreTrainedModel) -> bool:
    """Whether an adapter stands beside the word embeddings or beside the output table."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    written = model.get_output_embeddings()
    return not isinstance(model.get_input_embeddings(), nn.Embedding) or isinstance(written, BaseTunerLayer)


def _part_tables(model: PreTrainedModel) -> None:
    """Make two tables of one that is read and written with: each is merged with its own adapter, or none."""
    layers: list[Any] = [model.get_input_embeddings(), model.get_output_embeddings()]
    read, written = (getattr(each, "base_layer", each) for each in layers)
    if written is not None and written.weight is read.weight:
        written.weight = nn.Parameter(written.weight.detach().clone())
        model.config.tie_word_embeddings = False


def _put_in_place(model: nn.Module) -> None:
    """Put what was trained whole (``modules_to_save``) where the model's own module stood."""
    from peft.utils.other import ModulesToSaveWrapper

    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ModulesToSaveWrapper):
                setattr(parent, name, child.modules_to_save[str(child.active_adapter)])
