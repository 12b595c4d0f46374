"""How a model is fine-tuned; every value is checked before anything starts."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from transformers.trainer_utils import SchedulerType
from transformers.training_args import OptimizerNames

from backend.errors import InputError
from backend.model.devices import fast_bf16, resolve_device

_PRECISIONS = ("auto", "bf16", "fp32")
# These need arguments of their own or a metric.
_NO_SCHEDULERS = {
    *("greedy", "reduce_lr_on_plateau", "warmup_stable_decay"),
    *("cosine_with_min_lr", "cosine_warmup_with_min_lr"),
}


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of a fine-tuning run.

    Raises
    ------
    InputError
        If a value is unknown or out of its range.

    Examples
    --------
    >>> from firstword.settings import TrainingSettings
    >>> TrainingSettings(epochs=1, lr=1e-4).batch_size
    32
    """

    epochs: float = 2.0
    lr: float = 5e-5
    batch_size: int = 32
    optimizer: str = "adamw_torch"
    """A name that Trainer's ``optim`` knows, for example ``sgd``."""
    seed: int = 0
    max_length: int | None = 128
    """Tokens per example, special ones included; None: as many as the model can read."""
    checkpoints: int = 4
    """How many to keep."""
    scheduler: str = "linear"
    warmup: float = 0.0
    """Share of the steps in which the learning rate rises from 0."""
    weight_decay: float = 0.01
    precision: str = "auto"
    """``fp32``, ``bf16`` (autocast, fp32 weights), or ``auto``: bf16 where the hardware is fast at it."""
    device: str = "auto"
    dynamics: bool = True
    """Whether to log what scores read of every training row, at the end of every epoch and four times at
    least; the run stays the same."""
    best: bool = False
    """Whether the model is the one of the best macro-F1 on eval; later checkpoints are left out."""
    patience: int | None = None
    """Stop after so many looks in a row without a better macro-F1; the best is the model then."""
    class_weights: bool = False
    """Whether losses are weighed so that every class counts the same in all."""
    balanced_batches: bool = False
    """Whether batches are drawn with every class alike; rows of small classes come again within an epoch."""

    rank: int | None = None
    """Of the adapter (LoRA) that is trained beside a language model's layers; None: all weights are."""

    def __post_init__(self) -> None:
        _number("epochs", self.epochs, above=0, most=10_000)
        _number("lr", self.lr, above=0, most=10)
        _number("warmup", self.warmup, least=0, most=1)
        _number("weight_decay", self.weight_decay, least=0, most=10)
        _integer("batch_size", self.batch_size, 1)
        _integer("seed", self.seed, 0, 2**32 - 1)
        _integer("checkpoints", self.checkpoints, 1)
        if self.max_length is not None:
            _integer("max_length", self.max_length, 1)
        if self.rank is not None:
            _integer("rank", self.rank, 1, 1024)
        if self.patience is not None:
            _integer("patience", self.patience, 1)
        for name in ("dynamics", "best", "class_weights", "balanced_batches"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name} {getattr(self, name)!r}: must be true or false")
        _name("optimizer", self.optimizer, [each.value for each in OptimizerNames])
        _name("scheduler", self.scheduler, [e.value for e in SchedulerType if e.value not in _NO_SCHEDULERS])
        _name("precision", self.precision, _PRECISIONS)

    def identity(self) -> dict[str, Any]:
        """All values, for a digest; later fields only where used, so that digests of old runs hold."""
        values, default = asdict(self), TrainingSettings.__dataclass_fields__
        later = ("best", "patience", "class_weights", "balanced_batches", "rank")
        return {k: v for k, v in values.items() if k not in later or v != default[k].default}

    @property
    def selects(self) -> bool:
        """Whether the model is chosen by eval rows."""
        return self.best or self.patience is not None

    def without_selection(self) -> "TrainingSettings":
        """The same for a training without eval rows: the last model counts."""
        return replace(self, best=False, patience=None)

    def torch_device(self) -> torch.device:
        """The device to train on; `InputError` where this machine lacks it."""
        return resolve_device(self.device)

    def bf16(self) -> bool:
        """Whether the forward pass runs under bf16 autocast."""
        return self.precision == "bf16" or (self.precision == "auto" and fast_bf16(self.torch_device()))


def _number(
    name: str, value: float, above: float | None = None, least: float | None = None, most: float | None = None
) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{name} {value!r}: must be a number")
    low = (above is not None and value <= above) or (least is not None and value < least)
    if low or (most is not None and value > most):
        bounds = [f"above {above}"] if above is not None else [f"at least {least}"]
        bounds += [f"at most {most}"] if most is not None else []
        raise InputError(f"{name} {value}: must be {' and '.join(bounds)}")


def _integer(name: str, value: int, least: int, most: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{name} {value!r}: must be a whole number")
    if value < least or (most is not None and value > most):
        raise InputError(
            f"{name} {value}: must be at least {least}" + (f" and at most {most}" if most else "")
        )


def _name(name: str, value: str, known: list[str] | tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"{name} {value!r}: unknown; use one of {', '.join(known)}")
