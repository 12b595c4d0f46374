"""Schedules whose name and warm-up do not say all: power, least rate, length of the decay, or cycles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from backend.model.rates import Knots
from backend.model.schedule_shapes import POLYNOMIAL_END
from backend.model.schedules import Schedule

_CYCLES = range(2, 11)
_HIGHEST_POWER = 20.0


def with_options(peak: float, knots: Knots, warmups: Iterable[int], total: int) -> Iterator[Schedule]:
    """Those through the first of the ``knots``, which are of the part that falls, for each warm-up."""
    for warmup in warmups:
        for name, option in _options(peak, knots[0], warmup, total):
            yield Schedule(name, peak, warmup, total, option)


def _options(peak: float, knot: tuple[int, float], warmup: int, total: int) -> Iterator[tuple[str, float]]:
    done, share = knot[0] - 1, knot[1] / peak
    progress = (done - warmup) / max(1, total - warmup)
    if not (0 < progress < 1 and POLYNOMIAL_END / peak < share < 1):
        return
    power = math.log((knot[1] - POLYNOMIAL_END) / (peak - POLYNOMIAL_END)) / math.log(1 - progress)
    if power <= _HIGHEST_POWER:
        yield "polynomial", power
    wave = 0.5 * (1 + math.cos(math.pi * progress))
    if 0 < (least := (share - wave) / (1 - wave)) < 1:
        yield "cosine_with_min_lr", least
    decay = round((total - done) / (1 - math.acos(2 * share - 1) / math.pi))
    if decay < total - warmup:
        yield "warmup_stable_decay", decay
    yield from (("cosine_with_restarts", cycles) for cycles in _CYCLES)
