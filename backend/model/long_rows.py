"""Training a language model on long rows in little memory, at the cost of a second forward pass.

What the layers keep for the backward pass of 16,000 tokens is 20 GB for SmolLM2; done anew layer by layer
(gradient checkpointing, which TRL has on by default) it is a tenth of that. The gradients are the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedModel

from backend.model.activation_memory import tokens_within
from backend.model.token_losses import whole_model
from backend.model.tokenization import TokenIds
from backend.tasks.heads import CAUSAL_LM
from backend.tasks.registry import task_of

_ON_CPU, _SHARE_OF_GPU = 6 << 30, 0.5  # bytes up to which all of a batch is kept


def spare_memory(model: PreTrainedModel, encoded: Sequence[TokenIds], batch_size: int) -> None:
    """Keep less while ``model``, perhaps with an adapter, is trained, if batches of ``encoded`` are large."""
    whole = whole_model(model)
    longest = max((len(each) for each in encoded), default=0)
    most = tokens_within(whole, _ON_CPU, _SHARE_OF_GPU)
    large = most is not None and longest * min(batch_size, len(encoded)) > most  # with padding
    if task_of(whole).name == CAUSAL_LM and large and whole.supports_gradient_checkpointing:
        whole.activation_checkpointing_enable({"use_reentrant": False})
