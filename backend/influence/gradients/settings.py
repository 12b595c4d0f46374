"""How gradients are computed: a small frozen record, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.errors import InputError
from backend.model.devices import check_device, resolve_device
from backend.tasks.heads import CAUSAL_LM

if TYPE_CHECKING:
    import torch

PRECISIONS = {"fp32": "float32", "bf16": "bfloat16"}  # by the name of torch's type
ATTENTIONS = ("eager", "sdpa")
AUTO = "auto"


def attentions_for(task: str) -> tuple[str, ...]:
    """The kernels that serve a task, first the one to take without measuring.

    Not ``eager`` for language models: it keeps a number for every two tokens, of every head and layer, which
    for a conversation of 4,096 tokens through SmolLM2 is 18 GB.
    """
    return ("sdpa",) if task == CAUSAL_LM else ATTENTIONS


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
        one_of("--precision", self.precision, tuple(PRECISIONS))
        one_of("--attention", self.attention, ATTENTIONS)
        check_device(self.device)

    @property
    def torch_device(self) -> torch.device:
        """The device that ``device`` names here."""
        return resolve_device(self.device)


def one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    """`InputError` unless an option has one of the known values."""
    if value not in known:
        raise InputError(f"{option} {value}: must be one of {', '.join(known)}")
