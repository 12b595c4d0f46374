"""Learning rates of each group of parameters, from the states that a checkpoint keeps of its training.

``trainer_state.json`` logs the rate of the optimizer's first group only. ``optimizer.pt`` and
``scheduler.pt`` hold those of all groups, for the update that comes after the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from backend.model.drops import Drops, read_drops
from backend.model.rates import is_rate
from backend.model.torch_file import read_torch

OPTIMIZER, SCHEDULER = "optimizer.pt", "scheduler.pt"


@dataclass(frozen=True)
class GroupRates:
    """What a checkpoint's states say of its groups of parameters, by number.

    ``now``: the rate of the next update. ``base``: the rates that the schedule scales; None if not kept.
    ``holding``: the groups with a parameter of as many rows as the embedding table; None where the
    optimizer keeps nothing by parameter. ``stepwise``: the schedule waits for evaluations
    (ReduceLROnPlateau), and changes the rates each time by ``factor``; ``drops``: it does so after fixed
    numbers of updates. ``scheduled``: a scheduler's state is kept, so that it is known whether it is one of
    these. ``composed``: it is made of several schedules. ``plain``: it is a function without
    settings, as transformers' constant one, not one that may have a warm-up.
    """

    now: tuple[float, ...]
    base: tuple[float, ...] | None
    holding: frozenset[int] | None
    stepwise: bool
    factor: float | None = None
    drops: Drops | None = None
    scheduled: bool = False
    composed: bool = False
    plain: bool = False


def read_group_rates(folder: Path, rows: int | None, notes: list[str]) -> GroupRates | None:
    """Those of the checkpoint in ``folder``, whose embedding table has ``rows`` rows; None if it keeps none.

    ``notes`` takes a sentence for a file that is there and can't be read.
    """
    optimizer, scheduler = (_read(folder / name, notes) for name in (OPTIMIZER, SCHEDULER))
    groups = [group for group in _items(optimizer.get("param_groups")) if isinstance(group, dict)]
    base = _rates(scheduler.get("base_lrs"))
    if base is None:
        base = _rates([group.get("initial_lr") for group in groups])
    now = _rates([group.get("lr") for group in groups])
    if now is None:
        now = _rates(scheduler.get("_last_lr"))
    if now is None:
        return None
    functions = _items(scheduler.get("lr_lambdas"))
    return GroupRates(
        now=now,
        base=base if base is not None and len(base) == len(now) else None,
        holding=_holding(optimizer.get("state"), groups, rows),
        stepwise="num_bad_epochs" in scheduler,
        factor=_rate(scheduler.get("factor")),
        drops=read_drops(scheduler),
        scheduled=bool(scheduler),
        composed="_schedulers" in scheduler,
        plain=bool(functions) and all(each is None for each in functions),
    )


def _read(path: Path, notes: list[str]) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content = read_torch(path)
    except ValueError as error:
        notes.append(
            f"{path.parent.name}: {path.name} can't be read ({error}); its learning rates are not used."
        )
        return {}
    return content if isinstance(content, dict) else {}


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _rates(values: Any) -> tuple[float, ...] | None:
    """Numbers that can be learning rates; None unless all are."""
    found = [_rate(value) for value in _items(values)]
    rates = tuple(value for value in found if value is not None)
    return rates if rates and len(rates) == len(found) else None


def _rate(value: Any) -> float | None:
    """Some optimizers keep it as a tensor."""
    if isinstance(value, torch.Tensor) and value.numel() == 1 and value.device.type == "cpu":
        value = value.item()
    return float(value) if is_rate(value) else None


def _holding(state: Any, groups: list[dict[str, Any]], rows: int | None) -> frozenset[int] | None:
    """Groups with a parameter that has ``rows`` rows, by the shape of what the optimizer keeps of each."""
    if not isinstance(state, dict) or not state or rows is None:
        return None
    tables = {number for number, kept in state.items() if _has_rows(kept, rows)}
    return frozenset(
        index
        for index, group in enumerate(groups)
        if any(number in tables for number in _hashable(_items(group.get("params"))))
    )


def _has_rows(kept: Any, rows: int) -> bool:
    """Whether a table of ``rows`` rows is meant: moments have its shape, Adafactor's a number a row."""
    tensors = kept.values() if isinstance(kept, dict) else ()
    return any(isinstance(each, torch.Tensor) and each.shape[:1] == (rows,) for each in tensors)


def _hashable(numbers: Iterable[Any]) -> list[int | str]:
    return [number for number in numbers if isinstance(number, int | str)]
