"""The trial pass of a language model: are the gradients at both tables what they are taken for?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.influence.gradients.language import LanguagePass, language_pass
from backend.model.batching import batch_kinds, length_sorted_batches
from backend.model.loading import embedding_layer
from backend.model.model_inputs import accepted_inputs
from backend.model.token_labels import token_labels
from backend.model.tokenization import TokenIds, collate
from backend.tasks.causal_lm import IGNORED
from backend.tasks.registry import task_of


@dataclass(frozen=True)
class LanguageTexts:
    """What is tried: ``examples``, on a model in eval mode."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    examples: Sequence[TokenIds]

    def differences(self) -> list[tuple[str, float]]:
        """How far gradients are from those of the tables, alone and in a batch, and what that means."""
        places = range(len(self.examples))
        dense = [self._dense(place) for place in places]
        found = []
        for place in places:
            found += self._differ([place], "are not those of its table", dense)
        lengths = [len(each) for each in self.examples]
        kinds = batch_kinds(self.tokenizer, self.model, self.examples)
        for batch in length_sorted_batches(lengths, len(lengths), sum(lengths) * len(lengths), kinds):
            if len(batch) > 1:
                found += self._differ(batch, "depend on the padding of its batch", dense)
        return found

    def _differ(
        self, places: Sequence[int], told: str, dense: Sequence[tuple[Tensor, Tensor]]
    ) -> list[tuple[str, float]]:
        inputs, labels = self._batch(places)
        with torch.no_grad():
            made = language_pass(self.model, inputs, labels)
        found = []
        for row, place in enumerate(places):
            read, written = self._rows(made, inputs, labels, row)
            found.append((told, _off(read, dense[place][0])))
            taught = torch.unique(labels[row][labels[row] != IGNORED])
            found.append((f"that it writes {told}", _off(written[taught], dense[place][1][taught])))
        return found

    def _rows(
        self, made: LanguagePass, inputs: dict[str, Tensor], labels: Tensor, row: int
    ) -> tuple[Tensor, Tensor]:
        """What a text adds to the input and to the output table, (V, d)."""
        ids, mask = inputs["input_ids"][row], inputs["attention_mask"][row].bool()
        padding = embedding_layer(self.model).padding_idx
        kept = mask if padding is None else mask & (ids != padding)
        learnt = labels[row] != IGNORED
        tables = _tables(self.model)
        read = torch.zeros_like(tables[0]).index_add_(0, ids[kept], made.read[row][kept].float())
        written = torch.zeros_like(tables[1]).index_add_(0, ids[learnt], made.written[row][learnt])
        return read, written

    def _dense(self, place: int) -> tuple[Tensor, Tensor]:
        """The gradients at both tables by autograd, as if they were two."""
        inputs, labels = self._batch([place])
        with _untied(self.model) as tables, torch.enable_grad():
            logits = self.model(**accepted_inputs(self.model, inputs), use_cache=False).logits.float()
            read, written = torch.autograd.grad(task_of(self.model).losses(logits, labels).sum(), tables)
        return read.float(), written.float()

    def _batch(self, places: Sequence[int]) -> tuple[dict[str, Tensor], Tensor]:
        chosen = [self.examples[each] for each in places]
        device = self.model.device
        return collate(chosen, self.tokenizer, device), token_labels(chosen, device=device)


def _tables(model: PreTrainedModel) -> tuple[Tensor, Tensor]:
    return embedding_layer(model).weight, model.get_output_embeddings().weight


@contextmanager
def _untied(model: PreTrainedModel) -> Iterator[tuple[Tensor, Tensor]]:
    """Input and output table, two parameters for a while, of which gradients can be asked."""
    output = model.get_output_embeddings()
    read, written = embedding_layer(model).weight, output.weight
    asked = read.requires_grad
    output.weight = nn.Parameter(written.detach().clone())
    read.requires_grad_(True)
    try:
        yield read, output.weight
    finally:
        output.weight = written
        read.requires_grad_(asked)


def _off(found: Tensor, truth: Tensor) -> float:
    """The norm of the difference over that of the truth; 0 where both are 0."""
    norm, off = float(truth.norm()), float((found - truth).norm())
    return off / norm if norm else off
