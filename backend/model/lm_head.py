"""A language model in two parts: the body, from tokens to states, and the head, from states to logits.

The head is asked for few positions at a time: logits of a long text, or of a prompt that is not in the loss,
never exist all at once. The head is the model's own forward whose body returns states that are there already,
so that whatever a model does to its logits (a scale, a soft cap) is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from backend.errors import InputError
from backend.model.model_inputs import accepted_inputs

_CHUNK_NUMBERS = 1 << 25
"""Logits that exist at a time: 128 MiB in float32, and as much again for their gradient."""


@dataclass(frozen=True)
class Applied:
    """What the head made of states (n, d).

    ``read``: what the output table read of each, (n, r); ``products``: of these with the table, (n, V), with
    which gradients flow; ``logits`` float32 (n, V): what the model makes of them.
    """

    read: Tensor
    products: Tensor
    logits: Tensor


class SplitModel:
    """Body and head of ``model``; `InputError` for one that can't be parted so."""

    def __init__(self, model: PreTrainedModel) -> None:
        table = model.get_output_embeddings()
        if model.base_model is model or not isinstance(table, nn.Linear):
            raise InputError(f"{type(model).__name__}: has no body and output table of its own")
        self.model, self._table = model, table
        self._body = model.base_model
        self._kind: Any = None

    @property
    def vocabulary(self) -> int:
        """Rows of the output table: V."""
        return self._table.out_features

    @property
    def chunk(self) -> int:
        """How many positions the head is asked for at a time."""
        return max(_CHUNK_NUMBERS // self.vocabulary, 1)

    def states(self, inputs: dict[str, Tensor]) -> Tensor:
        """What the body makes of a batch: (B, L, d)."""
        for body in self._bodies():
            found = self._made_by(body, inputs)
            if found is not None:
                self._body, self._kind = body, found
                return _states_of(found)
        raise InputError(f"{type(self.model).__name__}: runs neither its base model nor its decoder")

    def _bodies(self) -> Iterator[nn.Module]:
        yield self._body
        decoder = self.model.get_decoder()
        if isinstance(decoder, nn.Module) and decoder is not self._body:
            yield decoder  # OPT's forward passes its base model by

    def _made_by(self, body: nn.Module, inputs: dict[str, Tensor]) -> Any:
        """What ``body`` returns in a pass of the model; None where it takes no part."""
        found: list[Any] = []
        plain = body.forward

        def recording(*args: Any, **kwargs: Any) -> Any:
            found.append(plain(*args, **kwargs))
            return _with_states(found[-1], _states_of(found[-1])[:1, :1])

        with _forward(body, recording):
            self.model(**accepted_inputs(self.model, inputs), use_cache=False)
        return found[-1] if found else None

    def applied(self, states: Tensor) -> Applied:
        """The head on states (n, d), after `states` was asked once."""
        seen: list[tuple[Tensor, Tensor]] = []
        hook = self._table.register_forward_hook(lambda module, given, made: seen.append((given[0], made)))
        dummy = torch.zeros((1, len(states)), dtype=torch.int64, device=states.device)
        try:
            with _forward(self._body, lambda *args, **kwargs: _with_states(self._kind, states[None])):
                logits = self.model(input_ids=dummy, use_cache=False).logits
        finally:
            hook.remove()
        if len(seen) != 1:
            name = type(self.model).__name__
            raise InputError(f"{name}: its head reads the output table {len(seen)} times, not once")
        read, products = seen[0]
        return Applied(read[0], products, logits[0].float())


def _states_of(output: Any) -> Tensor:
    return output[0]


def _with_states(output: Any, states: Tensor) -> Any:
    """The same kind of output with other states, and nothing else."""
    return (states,) if isinstance(output, tuple) else type(output)(last_hidden_state=states)


@contextmanager
def _forward(module: nn.Module, call: Any) -> Iterator[None]:
    """The module answers with ``call`` for a while."""
    before = module.__dict__.get("forward")
    module.forward = call
    try:
        yield
    finally:
        del module.forward
        if before is not None:
            module.forward = before
