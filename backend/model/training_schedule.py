"""When in a run what happens: its steps, the ones to save at, the ones to look at the rows at."""

import math

from backend.model.training_settings import TrainingSettings

LOOKS = 4
"""How often the training rows are looked at, at least: fewer points can't show how a row was learnt."""
_CANDIDATES = 2  # checkpoints saved per checkpoint kept
_MOST_JUDGED = 10  # checkpoints saved to choose the best of


def total_steps(examples: int, settings: TrainingSettings) -> int:
    """As Trainer counts: batches per epoch, rounded up, times epochs, rounded up."""
    return math.ceil(settings.epochs * _per_epoch(examples, settings))


def spread(steps: int, count: int) -> frozenset[int]:
    """``count`` steps evenly spread over a run, the last one included."""
    count = min(count, steps)
    return frozenset(round(steps * (k + 1) / count) for k in range(count))


def look_steps(examples: int, settings: TrainingSettings) -> frozenset[int]:
    """The ends of all epochs, the last step included; four steps evenly spread where epochs are fewer."""
    steps, length = total_steps(examples, settings), _per_epoch(examples, settings)
    ends = frozenset([*range(length, steps, length), steps])
    return ends if len(ends) >= LOOKS else spread(steps, LOOKS)


def saved_steps(examples: int, settings: TrainingSettings) -> frozenset[int]:
    """Candidates: twice the checkpoints to keep, spread evenly; where the best is to be found, looks.

    Of more than ten looks about every second, third, ... and the last.
    """
    if not settings.selects:
        return spread(total_steps(examples, settings), _CANDIDATES * settings.checkpoints)
    looks = sorted(look_steps(examples, settings), reverse=True)
    return frozenset(looks[:: math.ceil(len(looks) / _MOST_JUDGED)])


def _per_epoch(examples: int, settings: TrainingSettings) -> int:
    return math.ceil(examples / settings.batch_size)
