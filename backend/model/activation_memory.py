"""How much memory a backward pass keeps per token, and so how many tokens a batch may have."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedConfig, PreTrainedModel

_OF_WIDTH = 12  # tensors as wide as the model that a layer keeps: around norms, attention, residuals
_OF_INNER = 4  # and as wide as its feed-forward part: gate, up, activation, product
_INNER = (
    *("intermediate_size", "ffn_dim", "encoder_ffn_dim", "d_ff", "n_inner", "d_inner", "dff"),
    *("hidden_dim", "ffn_hidden_size"),
)
_ON_CPU = 2 << 30  # bytes for the activations of a batch
_SHARE_OF_GPU = 0.25


def activation_bytes(config: PreTrainedConfig) -> int | None:
    """What a token leaves in memory until the backward pass, about, in fp32; None where the config says no
    sizes.

    ``layers * (12 * width + 4 * inner * experts) * 4 bytes``, the width of attention where that is wider.
    Not counted: logits; the scores of eager attention, which grow with the length; what weights that are
    trained keep besides (half as much again); the states of models without attention.
    """
    text = _of_text(config)
    width, layers = _size(text, "hidden_size"), _size(text, "num_hidden_layers")
    if not width or not layers:
        return None
    if text.is_encoder_decoder:
        layers += _size(text, "num_decoder_layers") or _size(text, "decoder_layers") or layers
    attention = _size(text, "num_attention_heads") * (_size(text, "head_dim") or _size(text, "d_kv"))
    inner = next((size for name in _INNER if (size := _size(text, name))), 4 * width)
    experts = max(_size(text, "num_experts_per_tok"), 1)
    return layers * (_OF_WIDTH * max(width, attention) + _OF_INNER * inner * experts) * 4


def _of_text(config: PreTrainedConfig) -> PreTrainedConfig:
    try:
        return config.get_text_config()
    except ValueError:  # several
        return config


def _size(config: PreTrainedConfig, name: str) -> int:
    """A number of the config; of one for each layer the largest; 0 where there is none."""
    try:
        value: Any = getattr(config, name, None)
    except Exception:  # layers of several kinds: which is meant, a config may refuse to say
        return 0
    several = value if isinstance(value, list | tuple) else [value]
    return max((each for each in several if isinstance(each, int)), default=0)


def most_tokens(model: PreTrainedModel) -> int | None:
    """How many tokens a batch may have, one at least; None where nothing is known of the model's size.

    Bounded by that size, not by what is free now, so that batches are the same whenever they are made.
    """
    return tokens_within(model, _ON_CPU, _SHARE_OF_GPU)


def tokens_within(model: PreTrainedModel, on_cpu: int, share_of_gpu: float) -> int | None:
    """How many tokens, one at least, leave no more than so many bytes, or that share of a GPU's."""
    each = activation_bytes(model.config)
    if each is None:
        return None
    cuda = model.device.type == "cuda"
    room = share_of_gpu * torch.cuda.get_device_properties(model.device).total_memory if cuda else on_cpu
    return max(1, int(room) // each)
