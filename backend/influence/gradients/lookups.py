"""Looking words up: what a model reads of its embedding table in a pass, as leaves that take gradients.

Watched is the call of `torch.nn.functional.embedding` on the table, not the module around it: it returns rows
of the weight, whatever the module makes of them (Gemma multiplies them by the root of the width), so
gradients are those of the weight's rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from transformers import PreTrainedModel

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
