"""What `precompute` is asked for, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass

from backend.influence.gradients.settings import ATTENTIONS, AUTO, PRECISIONS, one_of
from backend.influence.rowstore.compression import check_row_store
from backend.model.devices import check_device


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
        one_of("--precision", self.precision, (AUTO, *PRECISIONS))
        one_of("--attention", self.attention, (AUTO, *ATTENTIONS))
        if self.row_store is not None:
            check_row_store(self.row_store)
        check_device(self.device)
