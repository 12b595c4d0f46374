"""Loading tokenizers and classifiers: safetensors only, no code from a hub, one clear line on failure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from backend.data.targets.registry import space_of
from backend.errors import InputError
from backend.manifest import TaskInfo
from backend.model import conv  # noqa: F401 (lets transformers load it)
from backend.model.adapter_files import doubled, is_adapter
from backend.model.adapters import load_adapted
from backend.model.attempt import attempt
from backend.model.language_models import is_language_model, require_language_model
from backend.model.python_tokenizers import no_offsets, refuse_python_tokenizer
from backend.model.sharded_weights import WEIGHTS, refuse_shards
from backend.tasks.heads import CAUSAL_LM, auto_class
from backend.tasks.registry import mark, task_named

DEFAULT_MAX_LENGTH = 512
_UNLIMITED = 1_000_000  # tokenizers without a limit say 1e30
# Position embeddings of these start at the index after the padding token.
_OFFSET_POSITIONS = frozenset(
    (
        *("camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "longformer", "luke", "markuplm"),
        *("mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod"),
    )
)
_SIDES = ("encoder_layers", "decoder_layers", "num_decoder_layers")
"""Names of the numbers of layers of encoder-decoders, both sides of which are cut."""


def load_tokenizer(source: str | Path) -> PreTrainedTokenizerFast:
    """Load the fast tokenizer of a folder or hub id, with a padding token (eos where it has none).

    Raises `InputError` where there is none, or only a Python one (its tokens have no offsets).
    """
    refuse_python_tokenizer(Path(source), str(source))
    tokenizer = attempt(
        lambda: AutoTokenizer.from_pretrained(str(source), use_fast=True, trust_remote_code=False),
        f"{source}: cannot be loaded as a tokenizer",
    )
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise no_offsets(type(tokenizer).__name__, str(source))
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        raise InputError(f"{source}: has no tokenizer vocabulary (tokenizer.json or vocab.txt is missing)")
    if tokenizer.pad_token is None:
        fallback = tokenizer.eos_token or tokenizer.sep_token or tokenizer.unk_token
        if fallback is None:
            raise InputError(f"{source}: its tokenizer has neither a padding nor an end token")
        tokenizer.pad_token = fallback
    return tokenizer


def load_classifier(
    source: str | Path,
    *,
    task: TaskInfo | None = None,
    layers: int | None = None,
    attention: str | None = None,
    pad_token_id: int | None = None,
    head_bias: np.ndarray | None = None,
) -> PreTrainedModel:
    """Load a classifier, or whatever else the task needs, in fp32 and eval mode.

    Whether it is a language model, which gets no new head, ``task`` says or, without one, its config. With
    ``task`` it is prepared for training: a head of as many outputs, named in the config, new unless the
    source has one of the same size. Without, the source must have a trained head. ``head_bias`` float32 (K):
    what a new head begins with. ``layers`` keeps the first N layers. ``attention`` is ``eager``, ``sdpa``
    (eager where the architecture has none) or None for the model's own choice. Where the config has no
    padding token, it is ``pad_token_id``, else that of the tokenizer in ``source``, if it has one. A source
    may be an adapter that a workspace keeps. Raises `InputError`.
    """
    refuse_shards(Path(source), str(source))
    if task is not None:
        _refuse_adapter(Path(source))
    if defect := doubled(Path(source)):
        raise InputError(f"{source}: {defect}")
    config = attempt(
        lambda: AutoConfig.from_pretrained(str(source), trust_remote_code=False),
        f"{source}: cannot be loaded as a model",
    )
    _refuse_pickles(Path(source))
    writes = is_language_model(config, task)
    if writes:
        require_language_model(config.to_dict(), source)
    elif task is not None:
        _prepare(config, task)
    elif not {"id2label", "num_labels"} & PreTrainedConfig.get_config_dict(str(source))[0].keys():
        config.num_labels = (
            2  # they are only written where they are not two; BART takes three for the default
        )
    if layers is not None:
        _keep_layers(config, layers, source)
    if getattr(config, "attention_type", None) == "block_sparse":
        config.attention_type = "original_full"  # D-147
    if not writes:  # to write takes no padding; a table that knows of it does not learn that token
        _set_padding(config, source, pad_token_id)
    if task is None and is_adapter(Path(source)):
        return load_adapted(Path(source), lambda base: _untrained(base, config, attention, writes)).eval()
    model, report = _load_weights(source, config, attention, writes, new_head=task is not None and not writes)
    if getattr(model, "_hf_peft_config_loaded", False):  # of the hub: a folder is looked into before
        raise InputError(f"{source}: a whole model with an adapter beside it, which was applied to it again")
    missing = sorted(report["missing_keys"])
    if missing and (task is None or writes):
        raise InputError(f"{source}: not a trained {_kind(writes)} (no weights for {missing[0]})")
    if head_bias is not None:
        _set_bias(model, missing, head_bias)
    return model.eval()


def _kind(writes: bool) -> str:
    return "language model" if writes else "classifier"


def _set_bias(model: PreTrainedModel, new: Sequence[str], bias: np.ndarray) -> None:
    """Put it into the bias of the head, if that is among the ``new`` parameters, drawn at random."""
    known = dict(model.named_parameters())
    found = [known[name] for name in new if name.endswith("bias") and known[name].shape == bias.shape]
    if found:
        with torch.no_grad():
            found[-1].copy_(torch.from_numpy(bias))


def load_encoder(source: str | Path) -> PreTrainedModel:
    """Load a model without a head, in fp32 and eval mode; raises `InputError`."""
    refuse_shards(Path(source), str(source))
    _refuse_adapter(Path(source))
    _refuse_pickles(Path(source))
    return attempt(
        lambda: AutoModel.from_pretrained(
            str(source), dtype=torch.float32, use_safetensors=True, trust_remote_code=False
        ),
        f"{source}: cannot be loaded as an encoder",
    ).eval()


def embedding_layer(model: PreTrainedModel) -> nn.Embedding:
    """The word-embedding layer; `InputError` for models without one."""
    try:
        layer = model.get_input_embeddings()
    except NotImplementedError:
        layer = None
    if not isinstance(layer, nn.Embedding):
        raise InputError(f"{type(model).__name__} has no word-embedding layer")
    return layer


def max_input_length(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel | PreTrainedConfig) -> int:
    """How many tokens, special ones included, the model can read at most (512 if nothing says)."""
    config: Any = getattr(model, "config", model)  # PEFT puts a module of its own around a model
    limits = []
    if 0 < tokenizer.model_max_length < _UNLIMITED:
        limits.append(int(tokenizer.model_max_length))
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        padding = getattr(config, "pad_token_id", None) or 0
        reserved = padding + 1 if config.model_type in _OFFSET_POSITIONS else 0
        limits.append(positions - reserved)
    return min(limits, default=DEFAULT_MAX_LENGTH)


def input_length(
    wanted: int | None, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel | PreTrainedConfig
) -> int:
    """How many tokens of a text the model sees: ``wanted``, as far as it can read them."""
    limit = max_input_length(tokenizer, model)
    return min(wanted or limit, limit)


def _set_padding(config: PreTrainedConfig, source: str | Path, given: int | None) -> None:
    """Where neither the config nor that of its text part names a padding token, the given or the own one."""
    text = config.get_text_config()
    named = (getattr(each, "pad_token_id", None) for each in (config, text))
    found = next((each for each in named if each is not None), None)
    if found is None:
        found = _own_padding(source) if given is None else given
    config.pad_token_id = text.pad_token_id = found


def _own_padding(source: str | Path) -> int | None:
    try:
        return load_tokenizer(source).pad_token_id
    except InputError:  # many models do without: those that do not say so when they run
        return None


def _refuse_adapter(folder: Path) -> None:
    if is_adapter(folder):
        raise InputError(f"{folder}: holds only an adapter; merge it into its model and save that")


def _refuse_pickles(folder: Path) -> None:
    if not folder.is_dir() or any((folder / name).is_file() for name in WEIGHTS):
        return
    if is_adapter(folder):
        return
    if any(folder.glob("*.bin")):
        raise InputError(
            f"{folder}: has only .bin weights, pickles that are never read; convert to safetensors: "
            "`model.save_pretrained(folder)` with a current transformers writes model.safetensors"
        )
    raise InputError(f"{folder}: has no model.safetensors")


def _prepare(config: PreTrainedConfig, task: TaskInfo) -> None:
    names = space_of(task).names
    config.id2label = dict(enumerate(names))
    config.label2id = {name: index for index, name in enumerate(names)}
    mark(config, task_named(task.name))


def _keep_layers(config: PreTrainedConfig, layers: int, source: str | Path) -> None:
    config = config.get_text_config()
    available = getattr(config, "num_hidden_layers", None)
    if not isinstance(available, int):
        raise InputError(f"{source}: its number of layers is not known, so it cannot be cut to {layers}")
    if not 1 <= layers <= available:
        raise InputError(f"{source}: cannot keep {layers} layers; it has {available}")
    config.num_hidden_layers = layers
    for key in _SIDES:
        if getattr(config, key, None) is not None:
            setattr(config, key, min(layers, getattr(config, key)))
    if isinstance(getattr(config, "layer_types", None), list):
        config.layer_types = config.layer_types[:layers]


def _untrained(
    base: str, config: PreTrainedConfig, attention: str | None, writes: bool
) -> tuple[PreTrainedModel, set[str]]:
    """A base model, and the names of its parameters that had no weights, or some of another shape."""
    model, report = _load_weights(base, config, attention, writes, new_head=not writes)
    return model, {*report["missing_keys"], *(each[0] for each in report["mismatched_keys"])}


def _load_weights(
    source: str | Path, config: PreTrainedConfig, attention: str | None, writes: bool, new_head: bool
) -> tuple[PreTrainedModel, dict[str, Any]]:
    def load(attention: str | None) -> tuple[PreTrainedModel, dict[str, Any]]:
        return auto_class(CAUSAL_LM if writes else "").from_pretrained(
            str(source),
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=new_head,
            output_loading_info=True,
            **({} if attention is None else {"attn_implementation": attention}),
        )

    failure = f"{source}: cannot be loaded as a {_kind(writes)}"
    if attention == "sdpa":
        try:
            return attempt(lambda: load("sdpa"), failure)
        except InputError:
            return attempt(lambda: load("eager"), failure)
    return attempt(lambda: load(attention), failure)
