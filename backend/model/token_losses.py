"""What a language model says of rows: the loss of each token that is learnt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.model.batching import batch_kinds, length_sorted_batches
from backend.model.lm_head import SplitModel
from backend.model.token_labels import token_labels
from backend.model.tokenization import TokenIds, collate
from backend.progress import Progress, silent
from backend.tasks.causal_lm import IGNORED, followers, next_token_losses


def whole_model(model: PreTrainedModel) -> PreTrainedModel:
    """The model itself, with adapters in its layers, where PEFT has put a module of its own around it."""
    inner = getattr(model, "get_base_model", None)
    return model if inner is None else inner()


def batch_token_losses(split: SplitModel, inputs: dict[str, Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
    """Losses of a batch's learnt tokens, in order: float32 (n), and the example of each, int64 (n).

    Gradients flow where they are wanted; logits exist for a few positions at a time, and are made again on
    the way back. ``inputs``: padded on the right; ``labels`` int64 (B, L), `IGNORED` where not learnt.
    """
    following = followers(labels)
    rows, places = torch.nonzero(following != IGNORED, as_tuple=True)
    states, targets = split.states(inputs)[rows, places], following[rows, places]
    found = [
        _head_losses(split, states[part], targets[part])
        for part in torch.arange(len(rows), device=rows.device).split(split.chunk)
    ]
    return torch.cat(found) if found else states.new_zeros(0, dtype=torch.float32), rows


def _head_losses(split: SplitModel, states: Tensor, targets: Tensor) -> Tensor:
    def losses(states: Tensor) -> Tensor:
        return next_token_losses(split.applied(states).logits[None], targets[None])[0]

    if not torch.is_grad_enabled():
        return losses(states)
    from torch.utils.checkpoint import checkpoint

    return checkpoint(losses, states, use_reentrant=False)


def token_losses(
    model: PreTrainedModel,
    encoded: Sequence[TokenIds],
    tokenizer: PreTrainedTokenizerBase,
    batch_examples: int = 64,
    max_tokens: int = 16384,
    progress: Progress = silent,
    stage: str = "predicting",
) -> list[np.ndarray]:
    """Of each example the losses of its learnt tokens in nats, in order: float32 (its number of them).

    On the model's own device, in eval mode; the model is left in the mode it was in.
    """
    found = [np.zeros(0, dtype=np.float32) for _ in encoded]
    inner = whole_model(model)
    was_training, done = inner.training, 0
    inner.eval()
    split = SplitModel(inner)
    progress(stage, 0, len(encoded))
    with torch.no_grad():  # not inference mode: what a model keeps of it could not be trained on afterwards
        for batch in _batches(inner, encoded, tokenizer, batch_examples, max_tokens):
            some = [encoded[place] for place in batch]
            inputs = collate(some, tokenizer, inner.device)
            losses, rows = batch_token_losses(split, inputs, token_labels(some, device=inner.device))
            counts = torch.bincount(rows, minlength=len(some)).cumsum(0).tolist()
            parts = np.split(losses.cpu().numpy(), counts[:-1])
            for place, part in zip(batch, parts, strict=True):
                found[place] = part
            done += len(batch)
            progress(stage, done, len(encoded))
    inner.train(was_training)
    return found


def language_outputs(
    model: PreTrainedModel,
    encoded: Sequence[TokenIds],
    tokenizer: PreTrainedTokenizerBase,
    batch_examples: int = 64,
    max_tokens: int = 16384,
    progress: Progress = silent,
    stage: str = "predicting",
) -> np.ndarray:
    """Summed loss and number of learnt tokens of each example: float32 (n, 2)."""
    found = token_losses(model, encoded, tokenizer, batch_examples, max_tokens, progress, stage)
    sums = [[each.sum(dtype=np.float64), len(each)] for each in found]
    return np.array(sums, dtype=np.float32).reshape(len(found), 2)


def _batches(
    model: PreTrainedModel,
    encoded: Sequence[TokenIds],
    tokenizer: PreTrainedTokenizerBase,
    batch_examples: int,
    max_tokens: int,
) -> Iterator[list[int]]:
    """Places of examples that have a token at all, those of about one length together."""
    filled = [place for place, each in enumerate(encoded) if len(each)]
    some = [encoded[place] for place in filled]
    kinds = batch_kinds(tokenizer, model, some)
    for batch in length_sorted_batches([len(each) for each in some], batch_examples, max_tokens, kinds):
        yield [filled[each] for each in batch]


def language_loss(
    model: PreTrainedModel, inputs: dict[str, Tensor], labels: Tensor, weights: Tensor | None, within: bool
) -> Tensor:
    """The loss of a batch: the sum over its learnt tokens by their number, as Trainer takes it.

    ``weights`` (B) weigh the examples: with ``within`` they count in the number of tokens too, so that they
    matter only against each other; a batch in which all are 0 counts plainly.
    """
    losses, rows = batch_token_losses(SplitModel(whole_model(model)), inputs, labels)
    if weights is None or (within and not weights.any()):
        return losses.sum() / max(len(losses), 1)
    of_token = weights.to(losses)[rows]
    return (losses * of_token).sum() / (of_token.sum() if within else max(len(losses), 1))
