"""Which tokens of a batch a language model is trained on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from backend.model.tokenization import LEARNT, TokenIds
from backend.tasks.causal_lm import IGNORED


def token_labels(
    encoded: Sequence[TokenIds], padding_side: str = "right", device: str | torch.device = "cpu"
) -> Tensor:
    """The tokens that are learnt, `IGNORED` elsewhere, padded as `backend.model.tokenization.collate` pads.

    Returns int64 (examples, longest). The first token of an example has nothing before it, so it is never
    learnt.
    """
    width = max((len(each) for each in encoded), default=0)
    rows = [_padded(_labels(each), width, padding_side == "left") for each in encoded]
    return torch.tensor(rows, dtype=torch.int64).reshape(len(encoded), width).to(device)


def learnt_tokens(encoded: TokenIds) -> int:
    """How many tokens of an example are in the loss."""
    return sum(1 for each in (encoded.flags or [])[1:] if each & LEARNT)


def is_learnt(encoded: TokenIds) -> bool:
    """Whether anything of an example is learnt; of one for other tasks than language models, all is."""
    return encoded.flags is None or learnt_tokens(encoded) > 0


def _labels(encoded: TokenIds) -> list[int]:
    flags = encoded.flags
    if flags is None:
        raise ValueError("a language model's tokens need flags")
    return [
        token if flag & LEARNT and place else IGNORED
        for place, (token, flag) in enumerate(zip(encoded.input_ids, flags, strict=True))
    ]


def _padded(values: list[int], width: int, left: bool) -> list[int]:
    fill = [IGNORED] * (width - len(values))
    return fill + values if left else values + fill
