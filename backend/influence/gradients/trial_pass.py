"""A trial pass before anything long: are the gradients of this model what they are taken for?

Some texts of different lengths go through capture, each alone and all in one padded batch, and are held
against the dense definition (docs/design.md, section 3.1), the gradient at the whole embedding table: here of
the logits, through which every loss goes. What differs would be wrong without a word, so it is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.errors import InputError
from backend.influence.gradients.language_trial import LanguageTexts
from backend.influence.gradients.token_rows import TokenRows, merge_positions, token_gradients
from backend.model.batching import batch_kinds, length_sorted_batches
from backend.model.loading import attempt, embedding_layer
from backend.model.model_inputs import accepted_inputs
from backend.model.token_labels import learnt_tokens
from backend.model.tokenization import TokenIds, collate
from backend.tasks.heads import CAUSAL_LM
from backend.tasks.registry import task_of

TOLERANCE = 1e-3
"""Largest difference of a text's gradient, over its norm."""
_LONGEST = 128  # tokens: it is a trial


def trial_pass(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[TokenIds],
    name: str,
) -> None:
    """`InputError` in one line, about ``name``, unless gradients of some of ``examples`` are right.

    A `backend.model.trial.Trial`; the model's weights stay as they are.
    """
    language = task_of(model).name == CAUSAL_LM
    lengths = [len(each) if not language or learnt_tokens(each) else 0 for each in examples]
    chosen = [examples[each] for each in trial_texts(lengths)]
    texts = LanguageTexts(model, tokenizer, chosen) if language else _Texts(model, tokenizer, chosen)
    weight = embedding_layer(model).weight
    trained = weight.requires_grad
    with torch.random.fork_rng(devices=[]):
        try:
            found = attempt(texts.differences, f"{name}: its gradients cannot be taken")
        finally:
            weight.requires_grad_(trained)
    for told, difference in found:
        if not difference <= TOLERANCE:  # NaN is no agreement
            raise InputError(
                f"{name}: {type(model).__name__}: its gradients at the words {told} "
                f"(off by {difference:.1%}), so influence would be wrong"
            )


def trial_texts(lengths: Sequence[int]) -> list[int]:
    """Places of up to three examples of different lengths: the shortest, the longest, one between."""
    there = sorted((length, place) for place, length in enumerate(lengths) if 0 < length <= _LONGEST)
    if not there:
        return [place for _, place in sorted((length, at) for at, length in enumerate(lengths) if length)][:1]
    chosen = {there[0][1], there[len(there) // 2][1], there[-1][1]}
    return sorted(chosen, key=lambda place: lengths[place])


@dataclass(frozen=True)
class _Texts:
    """What is tried: ``examples``, on a model in eval mode."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    examples: list[TokenIds]

    def differences(self) -> list[tuple[str, float]]:
        """How far each text's rows are from its dense gradient, alone and in a batch, and what that means."""
        places = range(len(self.examples))
        dense = [self._dense(place) for place in places]
        found = [
            ("are not those of its table", _differs(self._rows([place]), 0, dense[place])) for place in places
        ]
        lengths = [len(each) for each in self.examples]
        kinds = batch_kinds(self.tokenizer, self.model, self.examples)
        for batch in length_sorted_batches(lengths, len(lengths), sum(lengths) * len(lengths), kinds):
            if len(batch) == 1:
                continue
            together = self._rows(batch)
            found += [
                ("depend on the padding of its batch", _differs(together, row, dense[place]))
                for row, place in enumerate(batch)
            ]
        return found

    def _rows(self, places: list[int]) -> TokenRows:
        inputs = self._batch(places)
        found = token_gradients(self.model, inputs, inputs["input_ids"], _weighed)[1]
        return merge_positions(found.tokens, found.gradients, found.kept)

    def _dense(self, place: int) -> Tensor:
        """The gradient at the table, (V, d)."""
        inputs = self._batch([place])
        weight = embedding_layer(self.model).weight.requires_grad_(True)
        with torch.enable_grad():
            logits = self.model(**accepted_inputs(self.model, inputs)).logits.float()
            return torch.autograd.grad(_weighed(logits), weight)[0].float()

    def _batch(self, places: list[int]) -> dict[str, Tensor]:
        return collate([self.examples[each] for each in places], self.tokenizer, self.model.device)


def _weighed(logits: Tensor, labels: Tensor | None = None) -> Tensor:
    """A sum over all logits with weights from 1 to 2; unlike a loss it is steep where a model is sure."""
    return (logits * torch.linspace(1, 2, logits.shape[1], device=logits.device)).sum()


def _differs(rows: TokenRows, place: int, dense: Tensor) -> float:
    """The norm of the difference over that of the dense gradient; 0 where both are 0."""
    own = slice(*rows.offsets[place : place + 2])
    tokens = torch.from_numpy(rows.tokens[own].astype(np.int64))
    found = torch.zeros_like(dense).index_copy_(0, tokens, torch.from_numpy(rows.rows[own]))
    norm, off = float(dense.norm()), float((found - dense).norm())
    return off / norm if norm else off
