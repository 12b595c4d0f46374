"""How gradients are computed and rows are kept: small frozen records, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.errors import InputError
from backend.influence.compression import check_row_store
from backend.model.devices import check_device, resolve_device

if TYPE_CHECKING:
    import torch

PRECISIONS = {"fp32": "float32", "bf16": "bfloat16"}  # by the name of torch's type
ATTENTIONS = ("eager", "sdpa")
AUTO = "auto"


@dataclass(frozen=True)
class TraceSettings:
    """One way to run a model: device (cpu, cuda, auto), precision of the weights, attention kernel, batch
    bounds."""

    device: str = AUTO
    precision: str = "fp32"
    attention: str = "eager"
    max_examples: int = 64
    max_tokens: int = 8192

    def __post_init__(self) -> None:
        _one_of("--precision", self.precision, tuple(PRECISIONS))
        _one_of("--attention", self.attention, ATTENTIONS)
        check_device(self.device)

    @property
    def torch_device(self) -> torch.device:
        """The device that ``device`` names here."""
        return resolve_device(self.device)


@dataclass(frozen=True)
class PrecomputeSettings:
    """What the user asks `precompute` for; ``auto`` is measured once per workspace (see `plan`).

    ``row_store``: int8, full, or pca:N; None keeps what the workspace has, int8 at first.
    """

    device: str = AUTO
    precision: str = AUTO
    attention: str = AUTO
    row_store: str | None = None

    def __post_init__(self) -> None:
        _one_of("--precision", self.precision, (AUTO, *PRECISIONS))
        _one_of("--attention", self.attention, (AUTO, *ATTENTIONS))
        if self.row_store is not None:
            check_row_store(self.row_store)
        check_device(self.device)


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"{option} {value}: must be one of {', '.join(known)}")
