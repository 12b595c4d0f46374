"""The next token, at every position: so far only the loss that masking token by token needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

IGNORED = -100
"""The label of a token that is not trained on, as in transformers."""


def next_token_losses(logits: Tensor, following: Tensor) -> Tensor:
    """Cross-entropy of the token that follows each position: (B, L), 0 where it is `IGNORED`.

    From logits (B, L, V) and the tokens that follow, int64 (B, L).
    """
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits.transpose(1, 2), following, reduction="none", ignore_index=IGNORED)
