"""Class probabilities of encoded examples."""

import inspect
from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.model.batching import length_sorted_batches, padding_free
from backend.model.tokenization import TokenIds, collate
from backend.progress import Progress, silent


def accepted_inputs(model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The inputs that ``model.forward`` names.

    A DistilBERT saved with a BERT tokenizer gets token types that it does not know; Trainer drops
    such columns by the same rule.
    """
    known = inspect.signature(model.forward).parameters
    return {name: tensor for name, tensor in batch.items() if name in known}


def predict(
    model: PreTrainedModel,
    encoded: Sequence[TokenIds],
    tokenizer: PreTrainedTokenizerBase,
    batch_examples: int = 64,
    max_tokens: int = 16384,
    progress: Progress = silent,
) -> np.ndarray:
    """Probabilities, float32 (examples, classes), on the model's own device, in eval mode.

    An example without tokens has nothing to go by: uniform probabilities. Padding on the left would
    shift absolute positions, so there only examples of equal length share a batch.
    """
    classes = len(model.config.id2label or ())
    result = np.full((len(encoded), classes), 1 / classes, dtype=np.float32)
    filled = [position for position, each in enumerate(encoded) if len(each)]
    lengths = [len(encoded[position]) for position in filled]
    batches = length_sorted_batches(lengths, batch_examples, max_tokens, same_length=padding_free(tokenizer))
    was_training = model.training
    model.eval()
    done = len(encoded) - len(filled)
    progress("predicting", done, len(encoded))
    with torch.inference_mode():
        for batch in batches:
            rows = [filled[index] for index in batch]
            inputs = collate([encoded[row] for row in rows], tokenizer, model.device)
            logits = model(**accepted_inputs(model, inputs)).logits
            result[rows] = torch.softmax(logits.float(), dim=-1).cpu().numpy()
            done += len(rows)
            progress("predicting", done, len(encoded))
    model.train(was_training)
    return result
