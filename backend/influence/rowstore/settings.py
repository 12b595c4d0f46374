"""What `precompute` is asked for, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass

from backend.influence.gradients.settings import ATTENTIONS, AUTO, PRECISIONS, one_of
from backend.influence.rowstore.compression import check_row_store
from backend.model.devices import check_device


@dataclass(frozen=True)
class PrecomputeSettings:
    """What the user asks `precompute` for; ``auto`` is measured once per workspace.

    Parameters
    ----------
    device
        ``cpu``, ``cuda`` or ``auto``.
    precision
        ``fp32``, ``bf16`` or ``auto``.
    attention
        How the model computes attention, or ``auto``.
    row_store
        ``int8``, ``full`` or ``pca:N``; None: as the workspace has it, int8 at first.

    Raises
    ------
    InputError
        If a value is unknown or can't be had here.

    Examples
    --------
    >>> from firstword.settings import PrecomputeSettings
    >>> PrecomputeSettings(row_store="full").precision
    'auto'
    """

    device: str = AUTO
    precision: str = AUTO
    attention: str = AUTO
    row_store: str | None = None

    def __post_init__(self) -> None:
        one_of("--precision", self.precision, (AUTO, *PRECISIONS))
        one_of("--attention", self.attention, (AUTO, *ATTENTIONS))
        if self.row_store is not None:
            check_row_store(self.row_store)
        check_device(self.device)
