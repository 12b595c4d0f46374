"""How much memory a backward pass keeps per token, and so how many tokens a batch may have."""

from __future__ import annotations

import torch
from transformers import PreTrainedConfig, PreTrainedModel

_OF_WIDTH = 12  # tensors as wide as the model that a layer keeps: around norms, attention, residuals
_OF_INNER = 4  # and as wide as its feed-forward part: gate, up, activation, product
_ON_CPU = 2 << 30  # bytes for the activations of a batch
_SHARE_OF_GPU = 0.25


def activation_bytes(config: PreTrainedConfig) -> int:
    """What a token leaves in memory until the backward pass, about, in fp32.

    ``layers * (12 * hidden + 4 * inner) * 4 bytes``: without the scores of eager attention, which grow with
    the length, and without logits. Models that keep less (no gate, weights that are frozen) keep up to half.
    """
    text = config.get_text_config()
    width = int(text.hidden_size)
    names = ("intermediate_size", "ffn_dim", "d_ff", "n_inner", "hidden_dim")
    inner = next((int(size) for name in names if (size := getattr(text, name, None))), 4 * width)
    return int(text.num_hidden_layers) * (_OF_WIDTH * width + _OF_INNER * inner) * 4


def most_tokens(model: PreTrainedModel) -> int:
    """How many tokens a batch may have, one at least: bounded by the model's size, not by what is free now,
    so that batches are the same whenever they are made."""
    device = model.device
    cuda = device.type == "cuda"
    room = _SHARE_OF_GPU * torch.cuda.get_device_properties(device).total_memory if cuda else _ON_CPU
    return max(1, int(room) // activation_bytes(model.config))
