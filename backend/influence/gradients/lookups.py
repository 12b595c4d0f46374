"""Looking words up: what a model reads of its embedding table in a pass, as a leaf that takes gradients.

Watched is the call of `torch.nn.functional.embedding` on the table, not the module around it: it returns rows
of the weight, whatever the module makes of them (Gemma multiplies them by the root of the width), so
gradients are those of the weight's rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedModel

from backend.errors import InputError
from backend.model.loading import embedding_layer


@dataclass(frozen=True)
class Lookup:
    """``ids`` int64, as the model looked them up, and the ``rows`` that it got: a leaf (*ids.shape, d)."""

    ids: Tensor
    rows: Tensor


class _Watch(TorchFunctionMode):
    """Hands out the rows of ``table`` as leaves, and keeps them."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.table = table
        self.found: list[Lookup] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is not functional.embedding or _second(args, kwargs) is not self.table:
            return result
        leaf = result.detach().requires_grad_(True)
        ids = args[0] if args else kwargs["input"]
        self.found.append(Lookup(ids.detach(), leaf))
        return leaf * 1  # some models (CTRL) scale the rows in place, which a leaf does not allow


def _second(args: Sequence[Any], kwargs: dict[str, Any] | None) -> Any:
    return args[1] if len(args) > 1 else (kwargs or {}).get("weight")


@contextmanager
def watched_lookups(model: PreTrainedModel) -> Iterator[list[Lookup]]:
    """Every lookup in the word-embedding table within the block, in order; rows are leaves."""
    watch = _Watch(embedding_layer(model).weight)
    with watch:
        yield watch.found


def the_lookup(model: PreTrainedModel, found: Sequence[Lookup]) -> Lookup:
    """The only one of a pass; `InputError` where there are none or several."""
    if len(found) == 1:
        return found[0]
    raise InputError(
        f"{type(model).__name__} looks words up {len(found)} times in one pass; "
        "Firstword explains encoder or decoder classifiers that do so once"
    )


def by_position(model: PreTrainedModel, lookup: Lookup, input_ids: Tensor, gradients: Tensor) -> Tensor:
    """Gradients at a lookup in the order of the batch: (B, L, d).

    Models that lengthen their texts within (Longformer, BigBird: to a multiple of a window) look up padding
    behind them, which is cut off; XLNet looks them up by position first. `InputError` where it is anything
    else than the batch's tokens.
    """
    count, length = input_ids.shape
    square = count == length > 1
    if lookup.ids.shape == (count, length) and (not square or torch.equal(lookup.ids, input_ids)):
        if square and torch.equal(input_ids, input_ids.T) and _is_turned(model):
            return gradients.transpose(0, 1)
        return gradients
    if lookup.ids.shape == (length, count) and torch.equal(lookup.ids.T, input_ids):
        return gradients.transpose(0, 1)
    longer = lookup.ids.dim() == 2 and len(lookup.ids) == count and lookup.ids.shape[1] > length
    if longer and torch.equal(lookup.ids[:, :length], input_ids):
        return gradients[:, :length]
    raise InputError(f"{type(model).__name__} looks up other tokens than those of the text")


def _is_turned(model: PreTrainedModel) -> bool:
    """Whether the model looks tokens up by position first: asked of it where a batch can't tell."""
    table = embedding_layer(model).weight
    some = torch.zeros((1, 2), dtype=torch.int64, device=table.device)
    with watched_lookups(model) as found, torch.no_grad():
        model(input_ids=some, attention_mask=torch.ones_like(some))
    return the_lookup(model, found).ids.shape == (2, 1)
