"""Numbers as people type them: 5e-4, 0,0005, 1,000, 1_000, 1 000, 20 %; the rest is refused in a line.

One text can have two readings ("1,500" is fifteen hundred or one and a half): that which the field can hold
is taken, and where it could hold both, the field asks. Nothing is ever dropped without a word.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from backend.errors import InputError

_TYPED = re.compile(
    r"(?P<sign>[+-]?)(?P<digits>[\d.,_' ]*?)(?:e(?P<power>[+-]?\d{1,4}))?(?P<percent> ?%)?", re.I
)
_DECIMAL = re.compile(r"\d+([.,]\d*)?|[.,]\d+")
_GROUPED = re.compile(r"(?P<whole>\d{1,3}(?P<mark>[,._' ])\d{3}(?:(?P=mark)\d{3})*)(?P<rest>[.,]\d*)?")
_SHOWN = 40


@dataclass(frozen=True)
class Limits:
    """What a field can hold: numbers from ``low`` to ``high``, or only whole ones, or shares of 1.

    A share may be typed as a part of 1 or in percent; both ends are meant as parts of 1.
    """

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    share: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value fits."""
        return self.low <= value <= self.high and (not self.whole or value == int(value))

    @property
    def words(self) -> str:
        """What can be typed: "a whole number from 1 to 100"."""
        kind = "a share" if self.share else "a whole number" if self.whole else "a number"
        bounded = [math.isfinite(each) for each in (self.low, self.high)]
        low, high = (spell(each, self) if math.isfinite(each) else "" for each in (self.low, self.high))
        if all(bounded):
            return f"{kind} from {low} to {high}"
        return (
            f"{kind} of at least {low}" if bounded[0] else f"{kind} of at most {high}" if bounded[1] else kind
        )


def read_number(text: str, limits: Limits, usual: float | None = None) -> float:
    """The number that is meant; `InputError` says what would be right where none or more than one can be.

    ``usual``: a value to name as an example.
    """
    found = list(dict.fromkeys(each for each in _readings(text, limits) if limits.holds(each)))
    shown = " ".join(text.split())
    shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"
    if not found:
        such = example(limits) if usual is None else spell(usual, limits)
        raise InputError(f"“{shown}”: give {limits.words}, such as {such}")
    if len(found) > 1:
        first, second = (spell(each, limits) for each in sorted(found)[:2])
        raise InputError(f"“{shown}” can mean {first} or {second}: type one of these")
    return found[0]


def spell(value: float, limits: Limits) -> str:
    """How a field shows a value; `read_number` gives the same value back."""
    if limits.share:
        percent = f"{100 * value:.12g}"
        return f"{percent} %" if float(percent) / 100 == value else _shortest(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{value:.0f}"
    return _shortest(value)


def _shortest(value: float) -> str:
    plain = f"{value:.15g}"
    return re.sub(r"e\+?(-?)0*", r"e\1", plain if float(plain) == value else repr(value))


def example(limits: Limits) -> str:
    """A value that would do."""
    middle = 0.2 if limits.share else 10.0 if limits.whole else 0.05
    return spell(min(max(middle, limits.low), limits.high), limits)


def _readings(text: str, limits: Limits) -> Iterator[float]:
    """Every number that the text can mean in a field of this kind."""
    match = _TYPED.fullmatch(_plain(text))
    if match is None:
        return
    scale = float(f"1e{match['power'] or 0}")  # inf for a power beyond all reason, which no field holds
    sign = -1.0 if match["sign"] == "-" else 1.0
    for digits in _mantissas(match["digits"].strip(), limits.whole):
        value = sign * (float(f"{digits}e{match['power'] or 0}") if math.isfinite(scale) else math.inf)
        if not math.isfinite(value):
            continue
        if match["percent"]:
            yield value / 100
        else:
            yield value
            if limits.share and value >= 1:
                yield value / 100


def _mantissas(digits: str, whole: bool) -> Iterator[str]:
    """The readings of digits with marks between them, each as Python writes it.

    In a whole number a comma before three digits can only group them; in others 1,500 may be either.
    A point before three digits is this app's own decimal point, and groups only whole numbers.
    """
    grouped = _GROUPED.fullmatch(digits)
    if grouped and (grouped["rest"] or "x")[0] != grouped["mark"] and not digits.startswith("0"):
        mark, several = grouped["mark"], digits.count(grouped["mark"]) > 1
        if mark != "." or whole or several or grouped["rest"]:
            yield re.sub(r"\D", "", grouped["whole"]) + (grouped["rest"] or "").replace(",", ".")
        if mark == "," and whole:
            return
    elif re.fullmatch(r"\d+(?:_\d+)+", digits):
        yield digits.replace("_", "")
    if _DECIMAL.fullmatch(digits):
        yield digits.replace(",", ".")


def _plain(text: str) -> str:
    """Digits of any script as ASCII, one kind of minus, apostrophe and blank."""
    plain = unicodedata.normalize("NFKC", text).translate(str.maketrans("−–’", "--'"))
    plain = "".join(str(unicodedata.decimal(each, each)) for each in plain)
    return " ".join(plain.split())
