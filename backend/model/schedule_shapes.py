"""By how much transformers' schedules multiply the highest rate: its own formulas, over arrays of steps.

Each takes how many updates were made (float64), the warm-up and the planned steps, and the schedule's own
``option`` with the default of `transformers.get_scheduler`; a test holds them against that.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Shape = Callable[[np.ndarray, int, int, float], np.ndarray]
POLYNOMIAL_END = 1e-7  # the rate, not a share of the highest, at which `polynomial` ends


def factors(
    name: str, done: np.ndarray, warmup: int, total: int, option: float | None, peak: float
) -> np.ndarray:
    """By how much the ``peak`` is multiplied after so many updates; up to ``warmup`` along a line from 0."""
    shape, usual = SHAPES[name]
    if name == "polynomial":
        after = _polynomial(done, warmup, total, usual if option is None else option, POLYNOMIAL_END / peak)
    else:
        after = shape(done, warmup, total, usual if option is None else option)
    return after if name == "constant" else np.where(done < warmup, done / max(1, warmup), after)


def _progress(done: np.ndarray, warmup: int, total: int) -> np.ndarray:
    return (done - warmup) / max(1, total - warmup)


def _half_wave(progress: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.cos(np.pi * progress))


def _linear(done: np.ndarray, warmup: int, total: int, _: float) -> np.ndarray:
    return np.maximum((total - done) / max(1, total - warmup), 0.0)


def _constant(done: np.ndarray, _: int, __: int, ___: float) -> np.ndarray:
    return np.ones_like(done)


def _cosine(done: np.ndarray, warmup: int, total: int, least: float) -> np.ndarray:
    """``option``: the share of the peak at which it ends."""
    return _half_wave(_progress(done, warmup, total)) * (1 - least) + least


def _restarts(done: np.ndarray, warmup: int, total: int, cycles: float) -> np.ndarray:
    progress = _progress(done, warmup, total)
    return np.where(progress >= 1, 0.0, _half_wave(np.mod(cycles * progress, 1.0)))


def _polynomial(done: np.ndarray, warmup: int, total: int, power: float, end: float = 0.0) -> np.ndarray:
    left = np.clip(1 - _progress(done, warmup, total), 0.0, 1.0)
    return (1 - end) * left**power + end


def _inverse_sqrt(done: np.ndarray, warmup: int, _: int, __: float) -> np.ndarray:
    scale = warmup or 10_000
    return 1.0 / np.sqrt(np.maximum(done + scale - warmup, 1.0) / scale)


def _stable_decay(done: np.ndarray, _: int, total: int, decay: float) -> np.ndarray:
    """``option``: in how many steps, the last ones, it falls to 0."""
    return _half_wave(np.clip((done - (total - decay)) / max(decay, 1.0), 0.0, 1.0))


SHAPES: dict[str, tuple[Shape, float]] = {
    "linear": (_linear, 0.0),
    "cosine": (_cosine, 0.0),
    "constant": (_constant, 0.0),
    "constant_with_warmup": (_constant, 0.0),
    "cosine_with_restarts": (_restarts, 1.0),
    "polynomial": (_polynomial, 1.0),
    "inverse_sqrt": (_inverse_sqrt, 0.0),
    "cosine_with_min_lr": (_cosine, 0.0),
    "warmup_stable_decay": (_stable_decay, 0.0),
}
