"""Long vectors made short at random, so that inner products keep their expectation.

A count sketch (Charikar et al. 2002; Weinberger et al. 2009): every coordinate is added, with a random sign,
to one of so many places. One pass over the vector, no matrix; the variance of a product is that of a
projection with random signs, at most 2 |x|^2 |y|^2 / size.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

SIZE = 2048
"""Places of a sketch; shorter vectors stay as they are."""


class Sketch:
    """Of vectors with a tensor for each name; the same in every run and on every device."""

    def __init__(self, shapes: Mapping[str, torch.Size], size: int = SIZE) -> None:
        """``shapes``: of all tensors, by name; the order of the names does not matter."""
        self._names = sorted(shapes)
        length = sum(shapes[name].numel() for name in self._names)
        self._starts: dict[str, int] = {}
        start = 0
        for name in self._names:
            self._starts[name] = start
            start += shapes[name].numel()
        self.size = min(size, length)
        self._exact = length <= size
        if not self._exact:
            generator = torch.Generator().manual_seed(0)
            self._places = torch.randint(size, (length,), generator=generator, dtype=torch.int32)
            self._signs = torch.randint(2, (length,), generator=generator, dtype=torch.int8) * 2 - 1

    def of(self, vector: Mapping[str, Tensor | None]) -> Tensor:
        """The sketch float32 (size) of a vector; names that it lacks are 0."""
        found = torch.zeros(self.size)
        for name, start in self._starts.items():
            part = vector.get(name)
            if part is None:
                continue
            flat = part.detach().float().flatten().cpu()
            rows = slice(start, start + len(flat))
            if self._exact:
                found[rows] = flat
            else:
                found.index_add_(0, self._places[rows].long(), flat * self._signs[rows])
        return found
