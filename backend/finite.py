"""Values as JSON can hold them: it has no NaN and no infinity."""

from __future__ import annotations

import math
from typing import Any


class Finite:
    """Copies values with null for every number that is not finite, and counts those in ``nulled``."""

    def __init__(self) -> None:
        self.nulled = 0

    def __call__(self, value: Any) -> Any:
        """The copy; tuples become lists."""
        if isinstance(value, dict):
            return {key: self(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self(each) for each in value]
        if isinstance(value, float) and not math.isfinite(value):
            self.nulled += 1
            return None
        return value
