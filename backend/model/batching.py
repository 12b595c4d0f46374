"""Which examples to run together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from backend.errors import InputError
from backend.model.tokenization import TokenIds, pads_left

_SEE_PADDING = frozenset(("convbert", "fnet", "nystromformer", "t5gemma", "t5gemma2", "yoso"))
"""FNet's Fourier transform has no mask; kernels and landmarks run over padding; T5Gemma's decoder reads the
text's end only where padding stands behind it."""


def length_sorted_batches(
    lengths: Sequence[int],
    max_examples: int,
    max_tokens: int,
    kinds: Sequence[tuple[int, ...]] | None = None,
) -> Iterator[list[int]]:
    """Yield batches of positions into ``lengths``, shortest first, every position exactly once.

    A batch holds at most ``max_examples`` positions and ``max_tokens`` tokens counted with padding
    (longest times number); one example that is longer than that is a batch of its own. ``kinds`` (see
    `batch_kinds`), one per position: only those of one kind share a batch, kind after kind.
    """
    of = kinds or [()] * len(lengths)
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lambda each: (of[each], lengths[each])):
        length = lengths[position]
        full = len(batch) >= max_examples or length * (len(batch) + 1) > max_tokens
        if batch and (full or of[position] != of[batch[0]]):
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def batch_kinds(
    tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, examples: Sequence[TokenIds]
) -> list[tuple[int, ...]]:
    """What examples must have in common to share a batch without changing what is computed of them.

    Their length, where padding is on the left, which shifts absolute positions, and where what is computed
    of a text depends on the padding behind it. Else on which side of the length they are at which rotary
    embeddings change (LongRoPE): a long companion would take a short text over it. And how often they hold
    the token that ends a text, which classifiers with a decoder ask of a batch.
    """
    alone = pads_left(tokenizer, examples) or sees_padding(model)
    borders, end = rope_borders(model.config), _end(model)
    return [
        (
            len(each) if alone else sum(len(each) > border for border in borders),
            0 if end is None else each.input_ids.count(end),
        )
        for each in examples
    ]


def sees_padding(model: PreTrainedModel) -> bool:
    """Whether what the architecture computes of a text depends on the padding behind it."""
    return model.config.model_type in _SEE_PADDING


def rope_borders(config: PreTrainedConfig) -> list[int]:
    """The lengths in tokens above which all positions of a batch are embedded in another way (LongRoPE).

    Dynamic RoPE changes above ``max_position_embeddings``, the longest text that is read at all.
    """
    ropes = getattr(config.get_text_config(), "rope_parameters", None) or {}
    several = [each for each in ropes.values() if isinstance(each, dict)] or [ropes]
    return [
        each["original_max_position_embeddings"] for each in several if each.get("rope_type") == "longrope"
    ]


def require_equal_ends(model: PreTrainedModel, examples: Sequence[TokenIds]) -> None:
    """`InputError` where examples that are drawn into one batch at random hold unequally many ends of text,
    which such models refuse in the midst of a training."""
    end = _end(model)
    counts = [each.input_ids.count(end) for each in examples if len(each)] if end is not None else []
    if len(set(counts)) > 1:
        more = [place for place, each in enumerate(counts) if each > min(counts)]
        raise InputError(
            f"{len(more)} of {len(counts)} training texts (first: text {more[0] + 1}) hold the token that "
            f"ends a text; {type(model).__name__} needs equally many in each: take it out of them"
        )


def ended(model: PreTrainedModel, tokens: Sequence[int]) -> list[int]:
    """Tokens with the one that ends a text behind them, where the model can't do without."""
    end = _end(model)
    return [*tokens, *([] if end is None else [end])]


def _end(model: PreTrainedModel) -> int | None:
    """The token that ends a text, for models that classify at its place in the decoder."""
    end = getattr(model.config, "eos_token_id", None)
    return end if model.config.is_encoder_decoder and isinstance(end, int) else None
