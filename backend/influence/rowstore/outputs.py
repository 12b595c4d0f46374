"""What a model says of each example, by name: kept beside its gradient rows.

An output has one entry an example, or, where examples have different numbers of them (a loss a token), is
*ragged*: all entries after one another, and where each example's begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

_PREFIX, _OFFSETS = "output.", ".offsets"
LOGITS = "logits"
"""The output of classifiers, float32 (n, K); the only one of shards before format 5, there without prefix."""


@dataclass(frozen=True)
class Ragged:
    """Entries of n examples: those of example i are ``values[offsets[i]:offsets[i + 1]]``.

    ``offsets`` int64 (n + 1) from 0, ``values`` (t, ...).
    """

    offsets: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, example: int) -> np.ndarray:
        return self.values[self.offsets[example] : self.offsets[example + 1]]


Output: TypeAlias = np.ndarray | Ragged
Outputs: TypeAlias = Mapping[str, Output]


def packed(outputs: Outputs) -> dict[str, np.ndarray]:
    """Outputs as the tensors of a file."""
    tensors = {}
    for name, output in outputs.items():
        assert not name.endswith(_OFFSETS), f"{name}: would be taken for the offsets of another output"
        if isinstance(output, Ragged):
            tensors[f"{_PREFIX}{name}{_OFFSETS}"] = output.offsets
        values = output.values if isinstance(output, Ragged) else output
        tensors[_PREFIX + name] = np.ascontiguousarray(values)
    return tensors


def unpacked(tensors: Mapping[str, np.ndarray], examples: int) -> dict[str, Output]:
    """The outputs of so many examples among the tensors of a file; `ValueError` where one does not fit."""
    if LOGITS in tensors:
        tensors = {_PREFIX + LOGITS: tensors[LOGITS]}
    found: dict[str, Output] = {}
    for key, values in tensors.items():
        if not key.startswith(_PREFIX) or key.endswith(_OFFSETS):
            continue
        offsets = tensors.get(key + _OFFSETS)
        output = values if offsets is None else Ragged(offsets, values)
        if len(output) != examples or (isinstance(output, Ragged) and not _fits(output)):
            raise ValueError(f"output {key.removeprefix(_PREFIX)} does not fit its examples")
        found[key.removeprefix(_PREFIX)] = output
    return found


def cut(output: Output, examples: range) -> Output:
    """An output of some of its examples."""
    if not isinstance(output, Ragged):
        return output[examples.start : examples.stop]
    ends = output.offsets[examples.start : examples.stop + 1]
    return Ragged(ends - ends[0], output.values[ends[0] : ends[-1]])


def _fits(output: Ragged) -> bool:
    ends = output.offsets
    return bool(ends[0] == 0 and ends[-1] == len(output.values) and (np.diff(ends) >= 0).all())
