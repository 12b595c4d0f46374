"""Which of a run's checkpoints to use."""

from collections.abc import Sequence

import numpy as np

_FALLEN = 0.9  # share of the whole fall of the loss after which it counts as flat


def choose(steps: Sequence[int], losses: Sequence[float | None], count: int) -> list[int]:
    """Choose ``count`` of ``steps``: spread over where the loss still falls, and always the last one.

    ``losses[i]`` is the mean training loss of the interval that checkpoint i closes (None: not logged).
    The rule: smooth the losses by the mean of three neighbours; the loss falls until the first
    checkpoint where 90 % of the whole fall is done. If from there to the end is less than the distance
    of evenly spread checkpoints (or the loss does not fall at all), spread ``count`` evenly over the
    whole run. Otherwise spread ``count - 1`` evenly up to there and add the last one, which is the
    model that is explained. Gradients of a saturated model vanish: hence the early ones.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    ordered = sorted(steps)
    if ordered != list(steps) or len(set(ordered)) != len(ordered):
        raise ValueError("steps must be strictly ascending")
    if len(ordered) <= count:
        return ordered
    end = ordered[-1]
    flat = _flat_from(ordered, losses)
    if flat is None or end - flat < end / count:
        targets = [end * (k + 1) / count for k in range(count - 1)]
    else:
        targets = [flat * (k + 1) / (count - 1) for k in range(count - 1)]
    chosen = {end}
    for target in targets:
        free = [step for step in ordered if step not in chosen]
        chosen.add(min(free, key=lambda step: abs(step - target)))
    return sorted(chosen)


def _flat_from(steps: Sequence[int], losses: Sequence[float | None]) -> int | None:
    """The step from which the smoothed loss is flat; None if nothing is known or it never falls."""
    known = [(step, loss) for step, loss in zip(steps, losses, strict=True) if loss is not None]
    if len(known) < 2:
        return None
    filled = np.interp(steps, [step for step, _ in known], [loss for _, loss in known])
    padded = np.pad(filled, 1, mode="edge")
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    fall = smooth[0] - smooth.min()
    if not fall > 0:
        return None
    return int(np.asarray(steps)[np.argmax(smooth <= smooth[0] - _FALLEN * fall)])
