"""What several checkpoints have in common lies in memory once: frozen layers, the base of adapters."""

from __future__ import annotations

import torch
from torch import nn


def share(model: nn.Module, other: nn.Module) -> None:
    """Let ``model`` use the tensors of ``other`` where a parameter of the same name is equal.

    For models whose weights stay as they are.
    """
    theirs = dict(other.named_parameters())
    for name, own in model.named_parameters():
        there = theirs.get(name)
        if there is not None and there.shape == own.shape and torch.equal(there, own):
            own.data = there.data
