"""What an index belongs to: rows, checkpoint weights, and the score modes that it was calibrated for."""

from __future__ import annotations

from collections.abc import Sequence

from backend.files import digest
from backend.influence.index.modes import MODES

_FORMAT = 3  # of the index's files; another number makes old ones stale


def index_id(rows: str, weights: Sequence[float]) -> str:
    """From the id of the rows and the checkpoints' weights."""
    dampings = {name: mode.damping for name, mode in MODES.items()}  # candidates are measured with these
    return digest("index", _FORMAT, rows, list(weights), dampings)
