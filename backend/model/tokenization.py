"""Texts to tokens and tokens to batches; texts are hostile."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase

from backend.errors import InputError

_SURROGATE = re.compile("[\ud800-\udfff]")
_CHUNK = 512
_SPECIAL = -1


@dataclass(frozen=True)
class Encoded:
    """The tokens of one example; all lists have the same length, which may be 0."""

    input_ids: list[int]
    token_type_ids: list[int] | None
    offsets: list[tuple[int, int]]
    """Start and end in the token's own text; (0, 0) for added special tokens."""
    fields: list[int]
    """0 = text, 1 = text_b, -1 = special token added by the tokenizer."""
    truncated: bool

    def __len__(self) -> int:
        return len(self.input_ids)


def encode(
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    texts_b: Sequence[str] | None,
    max_length: int,
) -> list[Encoded]:
    """Tokenise examples, cut to ``max_length`` tokens as in training (the longer of a pair first).

    Lone surrogates count as U+FFFD. A text without any token gives only special tokens, or nothing
    where the tokenizer adds none. Raises `InputError` where ``max_length`` has no room for a token.
    """
    least = tokenizer.num_special_tokens_to_add(pair=texts_b is not None) + 1
    if max_length < least:
        raise InputError(f"max length {max_length}: too short for this tokenizer; use at least {least}")
    if texts_b is not None and len(texts_b) != len(texts):
        raise ValueError(f"{len(texts)} texts but {len(texts_b)} second texts")
    return [each for chunk in _chunks(tokenizer, texts, texts_b, max_length) for each in chunk]


def collate(
    encoded: Sequence[Encoded], tokenizer: PreTrainedTokenizerBase, device: str | torch.device = "cpu"
) -> dict[str, torch.Tensor]:
    """Pad to the longest on the tokenizer's padding side.

    Returns int64 tensors (examples, longest): input_ids, attention_mask (1 = token), and
    token_type_ids where the tokenizer gives them.
    """
    width = max((len(each) for each in encoded), default=0)
    left = tokenizer.padding_side == "left"

    def padded(values: list[int], filler: int) -> list[int]:
        fill = [filler] * (width - len(values))
        return fill + values if left else values + fill

    columns = {
        "input_ids": [padded(each.input_ids, tokenizer.pad_token_id) for each in encoded],
        "attention_mask": [padded([1] * len(each), 0) for each in encoded],
    }
    if encoded and encoded[0].token_type_ids is not None:
        columns["token_type_ids"] = [
            padded(each.token_type_ids or [], tokenizer.pad_token_type_id) for each in encoded
        ]
    return {
        name: torch.tensor(rows, dtype=torch.int64).reshape(len(encoded), width).to(device)
        for name, rows in columns.items()
    }


def special_ids(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Ids of special tokens; the unknown token is not one, since it stands for text.

    GPT-2 uses one id as unknown, padding and end of text: there it stays out.
    """
    return frozenset(tokenizer.all_special_ids) - {tokenizer.unk_token_id}


def _chunks(
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    texts_b: Sequence[str] | None,
    max_length: int,
) -> Iterator[list[Encoded]]:
    for start in range(0, len(texts), _CHUNK):
        part = slice(start, start + _CHUNK)
        first = [_readable(tokenizer, text, max_length) for text in texts[part]]
        second = None
        if texts_b is not None:
            second = [_readable(tokenizer, text, max_length) for text in texts_b[part]]
        batch = tokenizer(
            first,
            second,
            truncation="longest_first",
            max_length=max_length,
            padding=False,
            return_offsets_mapping=True,
            verbose=False,
        )
        types = batch.get("token_type_ids") or [None] * len(first)
        yield [
            Encoded(
                input_ids=list(batch["input_ids"][row]),
                token_type_ids=types[row],
                offsets=[(start, end) for start, end in batch["offset_mapping"][row]],
                fields=[_SPECIAL if field is None else field for field in batch.sequence_ids(row)],
                truncated=bool(batch.encodings[row].overflowing),
            )
            for row in range(len(first))
        ]


def _readable(tokenizer: PreTrainedTokenizerBase, text: str, max_length: int) -> str:
    """The text without lone surrogates and, where it is very long, without what is cut off anyway.

    The tokenizer keeps every combination of what it cuts from both texts of a pair: 30,000 characters
    in each would take 4 GB. Four times the needed tokens are kept, so that the ones used stay the same.
    Left truncation keeps the end, so its offsets need the whole text.
    """
    text = _SURROGATE.sub("\ufffd", text)
    if len(text) <= 20 * max_length or tokenizer.truncation_side == "left":
        return text
    whole = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    offsets = whole["offset_mapping"]
    return text if len(offsets) <= 4 * max_length else text[: offsets[4 * max_length][0]]
