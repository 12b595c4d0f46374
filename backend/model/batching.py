"""Which examples to run together."""

from collections.abc import Iterator, Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

_SEE_PADDING = frozenset(("convbert", "fnet", "nystromformer", "t5gemma", "t5gemma2", "yoso"))
"""FNet's Fourier transform has no mask; kernels and landmarks run over padding; T5Gemma's decoder reads the
text's end only where padding stands behind it."""


def length_sorted_batches(
    lengths: Sequence[int], max_examples: int, max_tokens: int, same_length: bool = False
) -> Iterator[list[int]]:
    """Yield batches of positions into ``lengths``, shortest first, every position exactly once.

    A batch holds at most ``max_examples`` positions and ``max_tokens`` tokens counted with padding
    (longest times number); one example that is longer than that is a batch of its own. With
    ``same_length`` a batch needs no padding: for tokenizers that pad on the left of models with
    absolute positions, where padding would change the result.
    """
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        length = lengths[position]
        full = len(batch) >= max_examples or length * (len(batch) + 1) > max_tokens
        if batch and (full or (same_length and length != lengths[batch[0]])):
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def padding_free(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> bool:
    """Whether only examples of equal length may share a batch.

    So it is where padding is on the left, which shifts absolute positions, and for architectures in which
    what is computed of a text depends on the padding behind it.
    """
    return tokenizer.padding_side == "left" or sees_padding(model)


def sees_padding(model: PreTrainedModel) -> bool:
    """Whether what the architecture computes of a text depends on the padding behind it."""
    return model.config.model_type in _SEE_PADDING
