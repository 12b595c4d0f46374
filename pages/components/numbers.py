"""How scores are written: one power of ten for a whole result list, so that they compare at a glance."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

MINUS = "−"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Unit:
    """Scores are shown as multiples of ``10 ** exponent`` with a fixed number of decimals."""

    exponent: int
    decimals: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Unit:
        """The unit in which the largest of ``values`` has one to three digits before the point."""
        largest = max((abs(each) for each in values if math.isfinite(each)), default=0.0)
        if largest < sys.float_info.min:  # nothing that a power of ten can scale
            return cls(0, 2)
        magnitude = math.floor(math.log10(largest))
        exponent = 0 if -1 <= magnitude <= 2 else 3 * (magnitude // 3)
        return cls(exponent, max(1, min(2 - (magnitude - exponent), 3)))

    @property
    def name(self) -> str:
        """For a legend: "× 10⁻⁶", or nothing."""
        return f"× 10{str(self.exponent).translate(_SUPERSCRIPT)}" if self.exponent else ""

    def signed(self, value: float) -> str:
        """With its sign, "+12.3" or "−0.4"; a zero has none."""
        text = self.plain(abs(value))
        if float(text.replace(",", "")) == 0:
            return text
        return f"{'+' if value > 0 else MINUS}{text}"

    def plain(self, value: float) -> str:
        """Without a plus."""
        text = f"{value / 10**self.exponent:,.{self.decimals}f}"
        return text.replace("-", MINUS)


def percent(share: float, decimals: int = 0) -> str:
    """0.347 as "35 %"; what is beyond all reason is "–"."""
    if not math.isfinite(share) or abs(share) > 99.99:
        return "–"
    rounded = round(100 * share, decimals) + 0.0  # no "−0"
    return f"{rounded:.{decimals}f} %".replace("-", MINUS)


def typeset(sentence: str) -> str:
    """A sentence of the command line with a true minus before numbers, and a space before "%"."""
    return re.sub(r"(?<=\d)%", " %", re.sub(r"(?<= )-(?=\d)", MINUS, sentence))


def plural(count: int, noun: str) -> str:
    """1 row, 1,200 rows."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
