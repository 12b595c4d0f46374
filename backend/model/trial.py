"""What tries a model before it is trained or attached; what is tried is known above this package."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.model.tokenization import TokenIds

Trial = Callable[[PreTrainedModel, PreTrainedTokenizerBase, Sequence[TokenIds], str], None]
"""From a model in eval mode, its tokenizer, examples, and the model's name; `InputError` where it can't be
explained. What the model keeps beside its weights may be another afterwards."""
