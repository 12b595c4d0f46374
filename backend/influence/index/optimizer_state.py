"""Second moments of the word embeddings in a checkpoint's optimizer, for the score mode ``adam``.

``optimizer.pt`` is read by `read_torch`, which builds tensors and plain containers and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backend.errors import InputError
from backend.influence.gradients.adam_roots import corrected_root
from backend.influence.index.moments import Moments
from backend.model.group_rates import OPTIMIZER
from backend.model.torch_file import read_torch


@dataclass(frozen=True)
class SecondMoments:
    """``roots`` float32 (V, d): sqrt of Adam's bias-corrected second moment of each embedding.

    ``mean`` is the mean of the roots of the tokens that occur in the training data.
    """

    roots: Tensor
    mean: float

    def divided(self, rows: np.ndarray, tokens: np.ndarray, damping: float) -> np.ndarray:
        """``rows`` (n, d) of ``tokens`` (n) divided by their roots plus ``damping`` times the mean.

        A token that training hardly saw has a root near 0: the floor keeps it from leading every list.
        """
        by = self.roots[torch.from_numpy(tokens)].numpy() + damping * self.mean
        return np.divide(rows, by, out=np.zeros(rows.shape), where=by > 0)


def second_moments(checkpoint: Path, shape: tuple[int, int], moments: Moments) -> SecondMoments:
    """Read those of the embedding matrix of ``shape`` (V, d); `InputError` if they can't be told."""
    path = checkpoint / OPTIMIZER
    states, groups = _read(path)
    found = [number for number, state in states.items() if _fits(state, shape)]
    if len(found) != 1:
        what = "no second moments" if not found else "several second moments"
        raise InputError(
            f"--score adam: {path} holds {what} of shape {shape[0]} x {shape[1]}; only Adam and its kin "
            "keep one for the word embeddings, if they are trained (of frozen ones: --method trained)"
        )
    roots = corrected_root(states[found[0]], groups, found[0])
    occurring = roots[torch.from_numpy(moments.tokens)]
    return SecondMoments(roots, float(occurring.mean()) if len(occurring) else 0.0)


def _read(path: Path) -> tuple[dict[int, dict[str, Any]], list[dict[str, Any]]]:
    if not path.exists():
        raise InputError(
            f"--score adam: {path} is missing; the run was saved without its optimizer (save_only_model)"
        )
    try:
        content = read_torch(path)
        return dict(content["state"]), list(content["param_groups"])
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"--score adam: {path} can't be read as an optimizer's state ({error})") from error


def _fits(state: dict[str, Any], shape: tuple[int, int]) -> bool:
    moments = state.get("exp_avg_sq")
    return isinstance(moments, Tensor) and tuple(moments.shape) == shape
