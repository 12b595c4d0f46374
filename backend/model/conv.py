"""``cnn``: a small convolutional text classifier that transformers loads and saves like its own.

Embedding, two convolutions, the largest value of every channel, a linear head, as in the code of Yeh et al.
2022 (there wider).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from backend.tasks.heads import register
from backend.tasks.registry import task_of

WIDTH = 64
_KERNEL = 5


class ConvConfig(PreTrainedConfig):
    """``width`` of embeddings and channels, ``kernel`` positions a convolution sees."""

    model_type = "firstword_cnn"

    def __init__(
        self, vocab_size: int = 1000, width: int = WIDTH, kernel: int = _KERNEL, **rest: Any
    ) -> None:
        super().__init__(**rest)
        self.vocab_size, self.width, self.kernel = vocab_size, width, kernel


class ConvForSequenceClassification(PreTrainedModel):
    """Padding is seen as zeros and never the largest value of a channel."""

    config_class = ConvConfig
    main_input_name = "input_ids"

    def __init__(self, config: ConvConfig) -> None:
        super().__init__(config)
        self.embedding = nn.Embedding(config.vocab_size, config.width, padding_idx=config.pad_token_id)
        self.first = nn.Conv1d(config.width, config.width, config.kernel, padding="same")
        self.second = nn.Conv1d(config.width, config.width, config.kernel, padding="same")
        self.classifier = nn.Linear(config.width, int(config.num_labels or 0))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Embedding):
            module.reset_parameters()

    def get_input_embeddings(self) -> nn.Embedding:
        """The word embeddings."""
        return self.embedding

    def set_input_embeddings(self, value: nn.Embedding) -> None:  # type: ignore[override]
        """Put others in their place."""
        self.embedding = value

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> SequenceClassifierOutput:
        """Logits (B, K) from tokens (B, L) or their embeddings (B, L, d)."""
        embedded = self.embedding(input_ids) if inputs_embeds is None else inputs_embeds
        mask = torch.ones_like(embedded[..., :1]) if attention_mask is None else attention_mask[..., None]
        hidden = (embedded * mask).transpose(1, 2)
        hidden = torch.relu(self.first(hidden)) * mask.transpose(1, 2)
        hidden = torch.relu(self.second(hidden))
        hidden = hidden.masked_fill(mask.transpose(1, 2) == 0, -1.0)
        logits = self.classifier(hidden.amax(dim=2))
        loss = None if labels is None else task_of(self).losses(logits, labels).mean()
        return SequenceClassifierOutput(loss=loss, logits=logits)


AutoConfig.register(ConvConfig.model_type, ConvConfig, exist_ok=True)
register(ConvConfig, ConvForSequenceClassification)
