"""The dense definition of TracIn-WE: the full embedding-weight gradient, one example at a time, no hook."""

from collections.abc import Sequence

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.model.loading import embedding_layer


def dense_gradient(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    text: str,
    text_b: str | None,
    label: int,
    max_length: int = 64,
) -> torch.Tensor:
    """d loss / d (embedding weight) of one example: (V, d)."""
    inputs = tokenizer(text, text_b, truncation=True, max_length=max_length, return_tensors="pt")
    weight = embedding_layer(model).weight
    weight.requires_grad_(True)
    loss = nn.functional.cross_entropy(model(**inputs).logits, torch.tensor([label]))
    (gradient,) = torch.autograd.grad(loss, weight)
    return gradient


def dense_terms(
    models: Sequence[PreTrainedModel],
    weights: Sequence[float],
    tokenizer: PreTrainedTokenizerBase,
    train: Sequence[tuple[str, str | None, int]],
    query: tuple[str, str | None, int],
    max_length: int = 64,
) -> torch.Tensor:
    """Every vocabulary token's part of the influence of each training example: (n, V) float64."""
    total = torch.zeros(len(train), embedding_layer(models[0]).num_embeddings, dtype=torch.float64)
    for model, weight in zip(models, weights, strict=True):
        asked = dense_gradient(model, tokenizer, *query, max_length)
        for row, example in enumerate(train):
            product = dense_gradient(model, tokenizer, *example, max_length).double() * asked.double()
            total[row] += weight * product.sum(dim=1)
    return total
