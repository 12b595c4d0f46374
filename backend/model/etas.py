"""What each checkpoint counts with: the mean learning rate of the word embedding in the interval it closes.

TracInCP weighs the gradients at a checkpoint with the rate of the updates around it. What is known of the
rates: those that ``trainer_state.json`` logs (of the first group of parameters), those that the states of the
checkpoints keep for the update that comes next (of every group), or what the user says.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from backend.model.callback_log import read_callback_log
from backend.model.embedding_group import EmbeddingGroup, embedding_group, read_states
from backend.model.group_rates import OPTIMIZER, SCHEDULER, GroupRates
from backend.model.rates import (
    Curve,
    Knots,
    changes_in_steps,
    held,
    interpolated,
    is_sparse,
    joined,
    mean_rate,
    restarts,
)
from backend.model.recognised import recognised
from backend.model.schedules import GivenSchedule, Schedule
from backend.model.trainer_log import TrainerLog


@dataclass(frozen=True)
class Eta:
    """A checkpoint's weight and where it comes from.

    ``derived``: ``callback``, exact, as `backend.FirstwordCallback` saw the rates; ``logged``; ``held``, of a
    schedule in steps; ``group``, by the rate of the embedding's own group of parameters; ``scheduler state``,
    where none is logged; ``options``; ``equal``, nothing is known.
    """

    weight: float
    derived: str


@dataclass(frozen=True)
class _Part:
    """The run up to step ``upto``, or to where it was resumed: its curve, and how that was found.

    ``how``: ``exact`` (a schedule of transformers through all that is known), ``held`` or ``interpolated``.
    """

    upto: float
    curve: Curve
    how: str
    knots: Knots


def find_etas(
    folders: Mapping[int, Path],
    chosen: Sequence[int],
    log: TrainerLog,
    given: GivenSchedule | None,
    notes: list[str],
) -> list[Eta]:
    """The etas of the ``chosen`` steps; ``folders`` are all usable checkpoints by step.

    ``given`` goes before all that is known. ``notes`` takes a sentence for what is assumed, or out of the
    ordinary. `InputError` for an impossible ``given``.
    """
    intervals = list(zip([0, *chosen[:-1]], chosen, strict=True))
    if given is not None:
        curve = _given_curve(given, log, chosen[-1], notes)
        return [Eta(mean_rate(curve, *each), "options") for each in intervals]
    if (seen := _seen_rates(folders, intervals)) is not None:
        return [Eta(rate, "callback") for rate in seen]
    states = read_states(folders, notes)
    steps = next((each for each in states.values() if each.stepwise), None)
    group = embedding_group(states, notes)
    logged = log.knots(steps is not None) if group.ratio is not None else []
    parts = _parts(log, states, group, logged, sorted(folders), steps)
    if not parts:
        return _equal(intervals, "No learning rate is logged", notes)
    curve = joined([(part.upto, part.curve) for part in parts[:-1]], parts[-1].curve)
    weights = [mean_rate(curve, *each) for each in intervals]
    if not any(weight > 0 for weight in weights):
        return _equal(intervals, "No learning rate above 0 is known", notes)
    _say(parts, intervals, log, bool(logged), notes)
    return [
        Eta(weight, _derived(parts, interval, group, bool(logged)))
        for weight, interval in zip(weights, intervals, strict=True)
    ]


def _seen_rates(folders: Mapping[int, Path], intervals: Sequence[tuple[int, int]]) -> list[float] | None:
    """What the run's own callback saw, if it saw every update up to the last and one moved anything."""
    last = intervals[-1][1]
    found = read_callback_log(folders[last].parent)
    if found is None or not found.covers(last):
        return None
    rates = [found.mean_rate(*each) for each in intervals]
    return rates if any(rates) else None


def _given_curve(given: GivenSchedule, log: TrainerLog, last: int, notes: list[str]) -> Curve:
    if log.rates:
        notes.append("The learning rates given with --learning-rate are used, not the logged ones.")
    if log.max_steps is None and given.name not in ("constant", "constant_with_warmup"):
        notes.append(
            f"How many steps were planned is not recorded: the schedule is taken to end at step {last}."
        )
    return given.schedule(log.max_steps or last)


def _equal(intervals: Sequence[tuple[int, int]], why: str, notes: list[str]) -> list[Eta]:
    notes.append(
        f"{why}: all checkpoints have weight 1 (attach --learning-rate R --schedule NAME says more)."
    )
    return [Eta(1.0, "equal") for _ in intervals]


# -- the parts of a run ----------------------------------------------------------------------------


def _parts(
    log: TrainerLog,
    states: Mapping[int, GroupRates],
    group: EmbeddingGroup,
    logged: Knots,
    checkpoints: Sequence[int],
    steps: GroupRates | None,
) -> list[_Part]:
    """One part if the run was never resumed with another plan; none if no rate is known. ``steps`` is a state
    of a schedule that changes in steps.

    A resumed run makes its first update with the rate that the optimizer was saved with: that one belongs to
    the part before, where a state was saved.
    """
    known = {step: rate * (group.ratio or 0.0) for step, rate in logged}
    known |= {step + 1: state.now[group.number] for step, state in states.items()}
    knots = sorted(known.items())
    parts, start = [], 0.0
    for seam in [*(_seams(log, checkpoints) if steps is None else []), math.inf]:
        end = seam + (seam in states or log.ahead)
        own = [knot for knot in knots if start < knot[0] <= end]
        own_states = [state for step, state in states.items() if start - 1 <= step <= seam]
        base = next((state.base[group.number] for state in reversed(own_states) if state.base), None)
        planned = log.max_steps if seam == math.inf else log.plans.get(int(seam))
        if own:
            how, curve = _through(own, base, planned, log.evaluated, steps)
            parts.append(_Part(end, curve, how, own))
        start = end
    return parts


def _seams(log: TrainerLog, checkpoints: Sequence[int]) -> list[int]:
    """Checkpoints from which the run was resumed with another plan.

    The number of planned steps changes after them, or a falling rate jumps up and falls on.
    """
    steps = sorted(log.plans)
    found = {a for a, b in pairwise(steps) if log.plans[a] != log.plans[b]}
    for before, after in restarts(log.rates):
        inside = [step for step in checkpoints if before <= step < after]
        found |= set(inside[-1:])
    return sorted(found)


def _through(
    knots: Knots,
    base: float | None,
    planned: int | None,
    evaluations: Sequence[int],
    steps: GroupRates | None,
) -> tuple[str, Curve]:
    if steps is not None:
        return "held", held(knots, evaluations, steps.factor)
    schedule = recognised(base, knots, planned) if planned else None
    if schedule is not None:
        return "exact", schedule
    if changes_in_steps(knots, evaluations):
        return "held", held(knots, evaluations)
    return "interpolated", interpolated(knots, planned)


# -- what is said of it ----------------------------------------------------------------------------


def _within(parts: Sequence[_Part], interval: tuple[int, int]) -> Iterable[_Part]:
    """The parts in which an interval's steps lie."""
    ends = [part.upto for part in parts]
    first, last = (min(bisect_left(ends, step), len(parts) - 1) for step in (interval[0] + 1, interval[1]))
    return parts[first : last + 1]


def _derived(parts: Sequence[_Part], interval: tuple[int, int], group: EmbeddingGroup, logged: bool) -> str:
    if group.is_own:
        return "group"
    if any(part.how == "held" for part in _within(parts, interval)):
        return "held"
    return "logged" if logged else "scheduler state"


def _say(
    parts: Sequence[_Part],
    intervals: Sequence[tuple[int, int]],
    log: TrainerLog,
    logged: bool,
    notes: list[str],
) -> None:
    if log.rates and log.ahead:
        notes.append("Its transformers logs the learning rate of the next update: moved by one step.")
    if not logged:
        names = sorted({part.curve.name for part in parts if isinstance(part.curve, Schedule)})
        how = f"the {' and '.join(names)} schedule through them" if names else "interpolated"
        notes.append(
            f"Learning rates are those that the checkpoints keep ({OPTIMIZER}, {SCHEDULER}), and {how}."
        )
    if any(part.how == "held" for part in parts):
        notes.append(
            "The learning rate changes in steps: it is held from one evaluation, or logged rate, to the next."
        )
    for part in parts[:-1]:
        notes.append(f"The run was resumed after step {part.upto:.0f}: learning rates end and begin there.")
    sparse = [
        str(interval[1])
        for interval in intervals
        if any(
            part.how == "interpolated" and is_sparse(part.knots, *interval)
            for part in _within(parts, interval)
        )
    ]
    if sparse:
        last = parts[-1].knots[-1][0]
        notes.append(
            f"Fewer than two learning rates are known in the interval up to step {', '.join(sparse)}: "
            f"interpolated (held after step {last}, the last known); a warm-up would not show."
        )
