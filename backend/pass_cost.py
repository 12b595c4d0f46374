"""What a forward and backward pass of one example costs, to forecast times before anything is measured.

6 P T floating-point operations (Kaplan et al. 2020; P weights beside the embeddings, T tokens) at the speed
at which this processor multiplies matrices now. Loads no torch, since pages and forms ask.
"""

from __future__ import annotations

import time
from functools import cache

import numpy as np

FORWARD = 1 / 3
"""Of a pass."""
_CHARACTERS_A_TOKEN = 4.2


def tokens_of(characters: float, most: int) -> float:
    """Tokens of a text of so many characters, special ones included; at most ``most``."""
    return min(characters / _CHARACTERS_A_TOKEN + 2, most)


def pass_seconds(weights: float, tokens: float) -> float:
    """Seconds of a pass of one example through so many weights beside the embeddings."""
    return 6 * weights * tokens / processor_speed()


@cache
def processor_speed() -> float:
    """Floating-point operations a second in products of matrices, with all threads; measured once.

    The quickest of some counts: other work that comes between is not this processor's speed.
    """
    size, best = 768, float("inf")
    matrix = np.ones((size, size), dtype=np.float32)
    for _ in range(8):
        start = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / max(best, 1e-6)
