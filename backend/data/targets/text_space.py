"""What a language model learns to write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from backend.data.conversation_text import shown_target
from backend.data.targets.space import Edit
from backend.errors import InputError
from backend.manifest import TaskName

_CLASSES_OF_LENGTH = 8
LOSS, TOKENS = "loss", "tokens"


@dataclass(frozen=True)
class TextSpace:
    """Any text: the target of a row as `backend.data.conversation.Target` writes it.

    ``names``: what a model says of a row: the summed loss of its tokens that are learnt, and their number.
    """

    task: TaskName = "causal-lm"
    edit: Edit = "text"
    names: tuple[str, ...] = (LOSS, TOKENS)

    def numbers(self, targets: Iterable[str]) -> np.ndarray:
        """Zeros, int64 (n): the row's own target, whose tokens stand among those of the row."""
        return np.zeros(sum(1 for _ in targets), dtype=np.int64)

    def targets(self, numbers: np.ndarray) -> list[str]:
        """Empty: what a model would write is not known before it has."""
        return [""] * len(numbers)

    def read(self, typed: str) -> str:
        """Any text that is not blank."""
        if not typed.strip():
            raise InputError("the text to learn is empty; to take a row out, remove it")
        return typed

    def oddity(self, target: str) -> str:
        """Nothing."""
        return ""

    def strata(self, targets: Sequence[str]) -> np.ndarray:
        """Rows of about the same length, by powers of two of their characters."""
        lengths = np.array([max(len(each), 1) for each in targets], dtype=np.float64)
        powers = np.minimum(np.log2(lengths).astype(np.int64) // 2, _CLASSES_OF_LENGTH - 1)
        return np.unique(powers, return_inverse=True)[1].astype(np.int64)

    def labels_of(self, target: str) -> tuple[str, ...]:
        """None."""
        return ()

    def shown(self, target: str) -> str:
        """The texts that are learnt, one after the other, and what was taken out."""
        return shown_target(target)
