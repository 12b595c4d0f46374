"""Whose gradient it is: from what a model looked up in a pass to the positions of the texts of its batch.

A token's gradient is the sum over all lookups that read it (D-145). Encoders and decoders look up the text
once. An encoder-decoder classifier reads it twice, the second time shifted by one to the right: the gradient
at place j + 1 of the decoder is that of position j. What the decoder reads first is in most models the end of
the text, to whose position it is added; T5's is a token that stands in no text, which gets a place of its
own, behind the text. All of it is seen from the ids that are looked up; nothing is assumed of a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from backend.errors import InputError
from backend.influence.gradients.lookups import Lookup, watched_lookups
from backend.model.batching import ended
from backend.model.loading import embedding_layer
from backend.model.model_inputs import accepted_inputs


@dataclass(frozen=True)
class Positions:
    """Where the gradients of a batch belong.

    ``tokens`` int64 (B, P) and ``gradients`` (B, P, d) in the model's dtype: P is the length L of the batch,
    or one more where a text is given a place for what its decoder reads first. ``kept`` bool (B, P): which
    carry a row.
    """

    tokens: Tensor
    gradients: Tensor
    kept: Tensor


def traced_positions(model: PreTrainedModel, inputs: dict[str, Tensor]) -> Tensor:
    """Which positions of the texts carry a gradient row: (B, L) bool; padding is left out.

    Also left out is the embedding layer's own ``padding_idx``, whose weight row never trains.
    """
    keep = inputs["attention_mask"].bool()
    padding = embedding_layer(model).padding_idx
    return keep if padding is None else keep & (inputs["input_ids"] != padding)


def by_position(
    model: PreTrainedModel,
    inputs: dict[str, Tensor],
    found: Sequence[Lookup],
    gradients: Sequence[Tensor | None],
) -> Positions:
    """The gradients at what was ``found`` in a pass (None: it took no part), put where they belong.

    `InputError` where the model looks up anything else than the texts.
    """
    texts = inputs["input_ids"]
    total: Tensor | None = None
    start: Lookup | None = None
    for lookup, each in zip(found, gradients, strict=True):
        gradient = torch.zeros_like(lookup.rows) if each is None else each
        placed = _of_texts(model, lookup, texts, gradient)
        if placed is None and start is None and _is_shifted(lookup.ids, texts):
            start = Lookup(lookup.ids[:, 0], gradient[:, 0])
            placed = functional.pad(gradient[:, 1:], (0, 0, 0, 1))
        if placed is not None:
            total = placed if total is None else total + placed
        elif not _is_padding(model, lookup.ids):
            raise InputError(f"{type(model).__name__} looks up other tokens than those of the text")
    if total is None:
        raise InputError(f"{type(model).__name__} looks no words up in its word table")
    if start is None and getattr(model.config, "is_encoder_decoder", False):
        raise InputError(
            f"{type(model).__name__}: its decoder has a word table of its own; Firstword explains "
            "encoder-decoders of which both sides read the same table"
        )
    positions = Positions(texts, total, traced_positions(model, inputs))
    return positions if start is None else _with_start(model, positions, start)


def decoder_start(model: PreTrainedModel) -> int | None:
    """The token that a decoder reads before the text, where that is no token of the text itself.

    Asked of the model: None where it reads no text twice, where it begins with the text's end (mBART) or
    with a token that ends every text (BART), and where the token's row never trains.
    """
    if not getattr(model.config, "is_encoder_decoder", False):
        return None
    table, first = embedding_layer(model), set[int]()
    for some in (3, 4), (5, 6):  # a first token that is one of these may be one of the text, or not
        ids = ended(model, some)
        texts = torch.tensor([ids], dtype=torch.int64, device=table.weight.device)
        with watched_lookups(model) as found, torch.no_grad():
            model(**accepted_inputs(model, {"input_ids": texts, "attention_mask": torch.ones_like(texts)}))
        first |= {int(each.ids[0, 0]) for each in found if _is_shifted(each.ids, texts)} - set(ids)
    first -= {table.padding_idx} if table.padding_idx is not None else set()
    return min(first, default=None)


def _with_start(model: PreTrainedModel, positions: Positions, start: Lookup) -> Positions:
    """With the gradient at what decoders read first: at the last position of that token in the text, else
    at one of its own, behind the text."""
    tokens, kept, ids = positions.tokens, positions.kept, start.ids[:, None]
    there = (tokens == ids) & kept
    last = tokens.shape[1] - 1 - there.flip(1).int().argmax(dim=1)
    inside = there.any(dim=1)
    gradients = positions.gradients.clone()
    rows = torch.arange(len(tokens), device=tokens.device)
    gradients[rows, last] += start.rows * inside[:, None]
    padding = embedding_layer(model).padding_idx
    own = ~inside if padding is None else ~inside & (start.ids != padding)
    if not own.any():
        return replace(positions, gradients=gradients)
    return Positions(
        torch.cat([tokens, ids], dim=1),
        torch.cat([gradients, start.rows[:, None]], dim=1),
        torch.cat([kept, own[:, None]], dim=1),
    )


def _of_texts(model: PreTrainedModel, lookup: Lookup, texts: Tensor, gradients: Tensor) -> Tensor | None:
    """Gradients at a lookup of the texts in the order of the batch: (B, L, d); None if it is none.

    Models that lengthen their texts within (Longformer, BigBird: to a multiple of a window) look up padding
    behind them, which is cut off; XLNet looks them up by position first.
    """
    count, length = texts.shape
    if _same(lookup.ids, texts):
        square = count == length > 1
        turned = square and torch.equal(texts, texts.T) and _is_turned(model, texts)
        return gradients.transpose(0, 1) if turned else gradients
    if lookup.ids.dim() != 2:
        return None
    if _same(lookup.ids.T, texts):
        return gradients.transpose(0, 1)
    return gradients[:, :length] if _same(lookup.ids[:, :length], texts) else None


def _same(ids: Tensor, texts: Tensor) -> bool:
    """Whether ids are equal; those of one place in memory are not compared, for which a GPU would wait."""
    if ids.shape != texts.shape:
        return False
    one = ids.data_ptr() == texts.data_ptr() and ids.stride() == texts.stride()
    return one or torch.equal(ids, texts)


def _is_shifted(ids: Tensor, texts: Tensor) -> bool:
    """Whether it is the texts, one place to the right, behind a first token."""
    return ids.shape == texts.shape and torch.equal(ids[:, 1:], texts[:, :-1])


def _is_padding(model: PreTrainedModel, ids: Tensor) -> bool:
    """Whether nothing is read but the padding, whose row never trains (BigBird-Pegasus fills its blocks)."""
    padding = embedding_layer(model).padding_idx
    return padding is not None and bool((ids == padding).all())


def _is_turned(model: PreTrainedModel, texts: Tensor) -> bool:
    """Whether the model looks tokens up by position first: asked of it where a batch can't tell."""
    one = texts[:1]
    with watched_lookups(model) as found, torch.no_grad():
        model(**accepted_inputs(model, {"input_ids": one, "attention_mask": torch.ones_like(one)}))
    return found[0].ids.shape == (texts.shape[1], 1)
