"""The schedule of transformers that known rates lie on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from backend.model.options_of_schedules import with_options
from backend.model.rates import Knots
from backend.model.schedules import Schedule

_NAMES = ("linear", "cosine", "inverse_sqrt", "constant_with_warmup")
_STRAIGHT = ("linear", "constant_with_warmup")
_SAME = 1e-6  # of the highest rate
_MOST_WARMUPS = 1000  # between two logged rates
_FEW = 40  # knots that candidates are made of, and tried on first


class _Known:
    """Known rates as arrays, and a few of them: spread evenly, and those around the highest."""

    def __init__(self, knots: Knots) -> None:
        steps, rates = zip(*knots, strict=True)
        self.steps, self.rates = np.array(steps, dtype=np.int64), np.array(rates, dtype=float)
        self.top = int(self.rates.argmax())
        last = len(steps) - 1
        even = np.linspace(0, last, min(_FEW, last + 1)).round().astype(int)
        self.few = np.unique([*even, *np.clip(np.arange(self.top - 2, self.top + 3), 0, last)])

    @cached_property
    def some(self) -> list[tuple[int, float]]:
        return list(zip(self.steps[self.few].tolist(), self.rates[self.few].tolist(), strict=True))

    def lie_on(self, schedule: Schedule) -> bool:
        """Whether all do; most candidates already miss one of the few."""
        return self._lie_on(schedule, self.few) and self._lie_on(schedule, slice(None))

    def _lie_on(self, schedule: Schedule, which: np.ndarray | slice) -> bool:
        rates = schedule(self.steps[which])
        return bool(np.allclose(rates, self.rates[which], rtol=_SAME, atol=_SAME * schedule.peak))


def recognised(peak: float | None, knots: Knots, total: int) -> Schedule | None:
    """The one schedule with these planned steps on which all known (step, rate) lie; else None.

    ``peak`` is None if it isn't known. Of several schedules none is proven; nor is a warm-up by a single rate
    between 0 and the peak, nor peak and warm-up by fewer than three, but a line to the end by two. Where
    several differ only in a warm-up before the first known rate, and all are one line from there on, the one
    without is taken.
    """
    if not knots or total < 1 or (peak is not None and peak <= 0):
        return None
    known = _Known(knots)
    found = _of_any_peak(known, total) if peak is None else _of_peak(peak, known, total)
    if len(found) > 1 and _is_one_line(found, known):
        return min(found, key=lambda each: each.warmup)
    return found[0] if len(found) == 1 else None


def _is_one_line(found: list[Schedule], known: _Known) -> bool:
    names = {each.name for each in found}
    return len(names) == 1 and names <= {*_STRAIGHT} and all(each.warmup < known.steps[0] for each in found)


def _of_peak(peak: float, known: _Known, total: int) -> list[Schedule]:
    found = [each for name in _NAMES if known.lie_on(each := Schedule(name, peak, 0, total))]
    between = [knot for knot in known.some if _SAME * peak < knot[1] < peak * (1 - _SAME)]
    if found or len(between) < 2:
        return found
    warm = {
        (name, steps)
        for name in _NAMES
        for each in between
        for steps in _warmups(name, peak, each, total)
        if 0 < steps < total
    }
    found = [each for name, steps in sorted(warm) if known.lie_on(each := Schedule(name, peak, steps, total))]
    return found or _with_option(peak, known, between, total)


def _with_option(peak: float, known: _Known, between: Knots, total: int) -> list[Schedule]:
    """A warm-up as the first known rate tells it, or any before that, and an option: two things by four."""
    falling = [knot for knot in between if knot[0] > known.steps[known.top]] or between
    if len(between) < 4:
        return []
    step, rate = between[0]
    warmups = {round((step - 1) * peak / rate), *range(min(int(known.steps[0]), _MOST_WARMUPS))}
    return [each for each in with_options(peak, falling, sorted(warmups), total) if known.lie_on(each)]


def _warmups(name: str, peak: float, knot: tuple[int, float], total: int) -> set[int]:
    """The lengths of a warm-up that lead to a known rate, during it by its slope, after it by bisection.

    After the warm-up, the longer it was, the higher the rate.
    """
    (step, rate), low, high = knot, 0, min(knot[0] - 1, total - 1)
    at = np.array([step])
    while low < high:
        middle = (low + high) // 2
        if Schedule(name, peak, middle, total)(at)[0] < rate - _SAME * peak:
            low = middle + 1
        else:
            high = middle
    return {low, round((step - 1) * peak / rate)}


def _of_any_peak(known: _Known, total: int) -> list[Schedule]:
    """Each length of a warm-up that ends next to the highest rate is tried."""
    steps, top = known.steps.tolist(), known.top
    first = steps[top - 1] - 1 if top else 0
    last = min(steps[min(top + 1, len(steps) - 1)], total) - 1
    names = _NAMES if len(steps) > 2 else ("linear",)
    if len(steps) < 2 or known.rates[top] <= 0 or last - first > _MOST_WARMUPS:
        return []
    return [each for each in _through_top(names, known, range(first, last + 1), total) if known.lie_on(each)]


def _through_top(names: Sequence[str], known: _Known, warmups: range, total: int) -> Iterator[Schedule]:
    at, rate = known.steps[[known.top]], float(known.rates[known.top])
    for name in names:
        for warmup in warmups:
            share = float(Schedule(name, 1.0, warmup, total)(at)[0])
            yield Schedule(name, rate / max(share, _SAME), warmup, total)
