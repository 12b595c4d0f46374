"""Texts to tokens and tokens to batches; texts are hostile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import BatchEncoding, PreTrainedTokenizerBase

from backend.data.examples import Examples
from backend.errors import InputError
from backend.model.conversation_tokens import encode_conversations
from backend.model.encoded import LEARNT, SPECIAL, TEMPLATE, Encoded, TokenIds, Tokens

__all__ = [
    "LEARNT",
    "TEMPLATE",
    "Encoded",
    "TokenIds",
    "Tokens",
    "collate",
    "encode",
    "encode_ids",
    "pads_left",
    "reserved_ids",
    "special_ids",
]

_SURROGATE = re.compile("[\ud800-\udfff]")
_CHUNK = 512


@dataclass(frozen=True)
class _Cut:
    """A text, or the part of it that is kept; ``dropped`` characters came before that part."""

    text: str
    dropped: int = 0


_Tokens = list[tuple[int, int, int]]
"""Id, start and end of each token of a text alone."""


def encode(tokenizer: PreTrainedTokenizerBase, examples: Examples, max_length: int) -> list[Encoded]:
    """Tokenise examples, cut to ``max_length`` tokens as in training (the longer of a pair first).

    Lone surrogates count as U+FFFD. A text without any token gives only special tokens, or nothing
    where the tokenizer adds none. Rows of language models keep their start, and need their targets (see
    `backend.model.conversation_tokens`). Raises `InputError` where ``max_length`` has no room for a token.
    """
    if examples.reading is not None:
        return encode_conversations(tokenizer, examples, max_length)
    least = tokenizer.num_special_tokens_to_add(pair=len(examples.fields) > 1) + 1
    if max_length < least:
        raise InputError(f"max length {max_length}: too short for this tokenizer; use at least {least}")
    return [each for chunk in _chunks(tokenizer, examples, max_length) for each in chunk]


def encode_ids(tokenizer: PreTrainedTokenizerBase, examples: Examples, max_length: int) -> list[Tokens]:
    """As `encode`, without what only explanations need: a quarter of the memory, for whole splits."""
    found = []
    for start in range(0, len(examples), _CHUNK):
        encoded = encode(tokenizer, examples.part(start, start + _CHUNK), max_length)
        found += [Tokens(each.input_ids, each.token_type_ids, each.flags, each.truncated) for each in encoded]
    return found


def collate(
    encoded: Sequence[TokenIds], tokenizer: PreTrainedTokenizerBase, device: str | torch.device = "cpu"
) -> dict[str, torch.Tensor]:
    """Pad to the longest on the tokenizer's padding side; rows of language models on the right.

    Returns int64 tensors (examples, longest): input_ids, attention_mask (1 = token), and
    token_type_ids where the tokenizer gives them.
    """
    width = max((len(each) for each in encoded), default=0)
    left = pads_left(tokenizer, encoded)

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
        name: _on(torch.tensor(rows, dtype=torch.int64).reshape(len(encoded), width), torch.device(device))
        for name, rows in columns.items()
    }


def pads_left(tokenizer: PreTrainedTokenizerBase, encoded: Sequence[TokenIds]) -> bool:
    """Whether padding stands before examples; a language model is trained with it behind them, whatever its
    tokenizer does where it writes."""
    return tokenizer.padding_side == "left" and all(each.flags is None for each in encoded)


def _on(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor on ``device``; a GPU fetches it from pinned memory while the host goes on."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def special_ids(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Ids of special tokens; the unknown token is not one, since it stands for text.

    GPT-2 uses one id as unknown, padding and end of text, OPT one as unknown and start: there it stays
    out. Where it was added by the tokenizer only `Encoded.fields` tells, so ask both.
    """
    return frozenset(tokenizer.all_special_ids) - {tokenizer.unk_token_id}


def reserved_ids(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """`special_ids`, and what the tokenizer adds to a text by itself, whatever else that id means."""
    added: set[int] = set()
    for empty in (Examples.one(""), Examples.one("", "")):
        for each in encode(tokenizer, empty, tokenizer.num_special_tokens_to_add(pair=True) + 1):
            added.update(token for token, own in zip(each.input_ids, each.fields, strict=True) if own < 0)
    return special_ids(tokenizer) | added


def _chunks(
    tokenizer: PreTrainedTokenizerBase, examples: Examples, max_length: int
) -> Iterator[list[Encoded]]:
    for start in range(0, len(examples), _CHUNK):
        rows = list(zip(*examples.part(start, start + _CHUNK).fields, strict=True))
        cuts = [_shortened(tokenizer, row, max_length) for row in rows]
        batch = tokenizer(
            *([cut[field].text for cut in cuts] for field in range(len(examples.fields))),
            truncation="longest_first",
            max_length=max_length,
            padding=False,
            return_offsets_mapping=True,
            verbose=False,
        )
        yield [_encoded(batch, row, cut) for row, cut in enumerate(cuts)]


def _encoded(batch: BatchEncoding, row: int, cuts: Sequence[_Cut]) -> Encoded:
    fields = [SPECIAL if field is None else field for field in batch.sequence_ids(row)]
    shifts = [0 if field == SPECIAL else cuts[field].dropped for field in fields]
    return Encoded(
        input_ids=list(batch["input_ids"][row]),
        token_type_ids=batch["token_type_ids"][row] if batch.get("token_type_ids") else None,
        offsets=[(a + by, b + by) for (a, b), by in zip(batch["offset_mapping"][row], shifts, strict=True)],
        fields=fields,
        truncated=bool(batch[row].overflowing),
    )


def _shortened(tokenizer: PreTrainedTokenizerBase, row: Sequence[str], max_length: int) -> list[_Cut]:
    """The row's texts without lone surrogates and, where long, without most of what is cut off anyway.

    The tokenizer keeps every combination of what it cuts from both texts of a pair: 30,000 characters
    in each would take 4 GB. What it makes of the parts must be what it makes of the whole texts, so
    more is kept until the tokens in reach of ``max_length`` are the same, and the longer text (which
    gets the odd token) is the same.
    """
    texts = [_SURROGATE.sub("\ufffd", text) for text in row]
    if all(len(text) <= 20 * max_length for text in texts):
        return [_Cut(text) for text in texts]
    left = tokenizer.truncation_side == "left"
    whole = [_tokens(tokenizer, _Cut(text)) for text in texts]
    keep = 4 * max_length
    while True:
        longest = max(map(len, whole))
        limits = [2 * keep if len(tokens) == longest else keep for tokens in whole]
        cuts = [_cut(*each, left) for each in zip(texts, whole, limits, strict=True)]
        parts = [_tokens(tokenizer, cut) for cut in cuts]
        if _order(parts) == _order(whole) and all(
            _reach(part, max_length, left) == _reach(tokens, max_length, left)
            for part, tokens in zip(parts, whole, strict=True)
        ):
            return cuts
        keep *= 2


def _cut(text: str, tokens: _Tokens, keep: int, left: bool) -> _Cut:
    if len(tokens) <= keep:
        return _Cut(text)
    if left:
        start = tokens[-keep][1]
        return _Cut(text[start:], start)
    return _Cut(text[: tokens[keep][1]])


def _tokens(tokenizer: PreTrainedTokenizerBase, cut: _Cut) -> _Tokens:
    found = tokenizer(cut.text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    return [
        (token, start + cut.dropped, end + cut.dropped)
        for token, (start, end) in zip(found["input_ids"], found["offset_mapping"], strict=True)
    ]


def _reach(tokens: _Tokens, max_length: int, left: bool) -> _Tokens:
    return tokens[-max_length:] if left else tokens[:max_length]


def _order(rows: Sequence[_Tokens]) -> bool:
    """Whether the first text is the longer one; a tie counts as no, as the tokenizer counts it."""
    return len(rows[0]) > len(rows[-1])
