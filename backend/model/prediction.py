"""Logits and outputs of encoded examples."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.model.batching import batch_kinds, length_sorted_batches
from backend.model.model_inputs import accepted_inputs
from backend.model.token_losses import language_outputs
from backend.model.tokenization import TokenIds, collate
from backend.progress import Progress, silent
from backend.tasks.heads import CAUSAL_LM
from backend.tasks.registry import task_of


def predict(
    model: PreTrainedModel,
    encoded: Sequence[TokenIds],
    tokenizer: PreTrainedTokenizerBase,
    batch_examples: int = 64,
    max_tokens: int = 16384,
    progress: Progress = silent,
) -> np.ndarray:
    """Outputs as the model's task reads its logits, such as probabilities: float32 (examples, K).

    An example without tokens has nothing to go by: the outputs of zero logits.
    """
    found = logits(model, encoded, tokenizer, batch_examples, max_tokens, progress)
    return task_of(model).outputs(found)


def logits(
    model: PreTrainedModel,
    encoded: Sequence[TokenIds],
    tokenizer: PreTrainedTokenizerBase,
    batch_examples: int = 64,
    max_tokens: int = 16384,
    progress: Progress = silent,
    stage: str = "predicting",
) -> np.ndarray:
    """Logits, float32 (examples, K), on the model's own device, in eval mode; of a language model its
    outputs, summed loss and number of learnt tokens (`backend.model.token_losses`).

    Zero for an example without tokens. Only examples share a batch that leave each other as they are
    (`batch_kinds`). The model is left in the mode it was in.
    """
    if task_of(model).name == CAUSAL_LM:
        return language_outputs(model, encoded, tokenizer, batch_examples, max_tokens, progress, stage)
    result = np.zeros((len(encoded), len(model.config.id2label or ())), dtype=np.float32)
    filled = [position for position, each in enumerate(encoded) if len(each)]
    lengths = [len(encoded[position]) for position in filled]
    kinds = batch_kinds(tokenizer, model, [encoded[position] for position in filled])
    batches = length_sorted_batches(lengths, batch_examples, max_tokens, kinds)
    was_training = model.training
    model.eval()
    done = len(encoded) - len(filled)
    progress(stage, done, len(encoded))
    with torch.no_grad():  # not inference mode: what a model keeps of it could not be trained on afterwards
        for batch in batches:
            rows = [filled[index] for index in batch]
            inputs = collate([encoded[row] for row in rows], tokenizer, model.device)
            result[rows] = model(**accepted_inputs(model, inputs)).logits.float().cpu().numpy()
            done += len(rows)
            progress(stage, done, len(encoded))
    model.train(was_training)
    return result
