"""Roots of Adam's second moments of every trained parameter, from a checkpoint's ``optimizer.pt``.

The file numbers parameters and does not name them. Trainer numbers those that decay first, then the others,
each in the model's order; that is taken only where the number of parameters in both groups, and the shape of
each that has a state, say the same.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import PreTrainedModel, Trainer

from backend.errors import InputError
from backend.model.group_rates import OPTIMIZER
from backend.model.torch_file import read_torch


def adam_roots(checkpoint: Path, model: PreTrainedModel, names: Collection[str]) -> dict[str, Tensor]:
    """``sqrt(v / (1 - beta2^t)) + eps`` of each parameter of ``names`` that has one, in its shape.

    An update of Adam divides by it (Kingma & Ba 2015, algorithm 1). `InputError` where it can't be told.
    """
    path = checkpoint / OPTIMIZER
    try:
        content: Any = read_torch(path)
        states, groups = content["state"], content["param_groups"]
        sizes = [len(group["params"]) for group in groups]
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"--score adam: {path} can't be read as an optimizer's state ({error})") from error
    for listed in (_numbered(model, names), _numbered(model, dict(model.named_parameters()))):
        if sizes == [len(each) for each in listed]:
            ordered = [name for part in listed for name in part]
            numbers = [number for group in groups for number in group["params"]]
            return _roots(path, model, dict(zip(ordered, numbers, strict=True)), names, states, groups)
    raise InputError(
        f"--score adam: {path} holds {sum(sizes)} parameters in {len(sizes)} groups, which are not those "
        "that Trainer makes of this model: which is which can't be told"
    )


def _numbered(model: PreTrainedModel, names: Collection[str]) -> list[list[str]]:
    """Parameters of ``names`` as Trainer groups them."""
    decayed = set(Trainer.get_decay_parameter_names(None, model))  # type: ignore[arg-type]
    ordered = [name for name, _ in model.named_parameters() if name in names]
    return [[each for each in ordered if (each in decayed) is decays] for decays in (True, False)]


def _roots(
    path: Path,
    model: PreTrainedModel,
    numbers: dict[str, int],
    names: Collection[str],
    states: dict[int, dict[str, Any]],
    groups: list[dict[str, Any]],
) -> dict[str, Tensor]:
    weights, found = dict(model.named_parameters()), {}
    for name, number in numbers.items():
        state = states.get(number)
        if state is None:  # it never had a gradient
            continue
        moments = state.get("exp_avg_sq")
        if not isinstance(moments, Tensor) or moments.shape != weights[name].shape:
            raise InputError(f"--score adam: {path} holds no second moments of the shape of {name}")
        if name in names:
            eps = float(_group(groups, number).get("eps", 1e-8))
            found[name] = corrected_root(state, groups, number) + eps
    return found


def corrected_root(state: dict[str, Any], groups: list[dict[str, Any]], number: int) -> Tensor:
    """``sqrt(v / (1 - beta2^t))`` of parameter ``number``, whose state it is: float32, in its shape."""
    betas = _group(groups, number).get("betas")
    correction = 1 - float(betas[1]) ** float(state.get("step", 0)) if betas else 1.0
    return (state["exp_avg_sq"].float() / max(correction, 1e-12)).sqrt()


def _group(groups: list[dict[str, Any]], number: int) -> dict[str, Any]:
    return next((group for group in groups if number in group.get("params", ())), {})
