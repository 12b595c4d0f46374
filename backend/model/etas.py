"""What each checkpoint counts with: the mean learning rate of the word embedding in the interval it closes.

TracInCP weighs the gradients at a checkpoint with the rate of the updates around it. What is known of the
rates: those that ``trainer_state.json`` logs (of the first group of parameters), those that the states of the
checkpoints keep for the update that comes next (of every group), or what the user says.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.model.callback_log import read_callback_log
from backend.model.embedding_group import embedding_group, read_states
from backend.model.group_rates import OPTIMIZER, SCHEDULER
from backend.model.log_shift import shifted
from backend.model.rates import Curve, joined, mean_rate
from backend.model.run_parts import Part, RunRates, find_parts
from backend.model.schedules import GivenSchedule, Schedule
from backend.model.trainer_log import TrainerLog

_Interval = tuple[int, int]


@dataclass(frozen=True)
class Eta:
    """A checkpoint's weight and where it comes from.

    ``derived``: ``callback``, exact, as `backend.FirstwordCallback` saw the rates; ``logged``; ``held``, of a
    schedule in steps; ``interpolated``, between known rates that no schedule passes through; ``group``, by
    the rate of the embedding's own group of parameters; ``scheduler state``, where none is logged;
    ``options``; ``equal``, nothing is known.
    """

    weight: float
    derived: str


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
    log = shifted(log, states, folders[max(folders)], notes)
    run = RunRates(log, states, embedding_group(states, notes), sorted(folders))
    parts = find_parts(run)
    if not parts:
        return _equal(intervals, "No learning rate is logged", notes)
    curve = joined([(part.upto, part.curve) for part in parts[:-1]], parts[-1].curve)
    weights = [mean_rate(curve, *each) for each in intervals]
    if not any(weight > 0 for weight in weights):
        return _equal(intervals, "No learning rate above 0 is known", notes)
    _say(run, parts, intervals, notes)
    return [
        Eta(weight, _derived(run, parts, interval))
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


# -- what is said of it ----------------------------------------------------------------------------


def _within(parts: Sequence[Part], interval: _Interval) -> Iterable[Part]:
    """The parts in which an interval's steps lie."""
    ends = [part.upto for part in parts]
    first, last = (min(bisect_left(ends, step), len(parts) - 1) for step in (interval[0] + 1, interval[1]))
    return parts[first : last + 1]


def _is_interpolated(parts: Sequence[Part], interval: _Interval) -> bool:
    """Whether not all rates of an interval are known, and no schedule says the others."""
    if all(part.how != "interpolated" for part in _within(parts, interval)):
        return False
    steps = [step for part in parts for step, _ in part.knots]
    return bisect_right(steps, interval[1]) - bisect_right(steps, interval[0]) < interval[1] - interval[0]


def _derived(run: RunRates, parts: Sequence[Part], interval: _Interval) -> str:
    if _is_interpolated(parts, interval):
        return "interpolated"
    if run.group.is_own:
        return "group"
    if any(part.how == "held" for part in _within(parts, interval)):
        return "held"
    return "logged" if run.logged else "scheduler state"


def _say(run: RunRates, parts: Sequence[Part], intervals: Sequence[_Interval], notes: list[str]) -> None:
    if run.log.rates and run.log.ahead:
        notes.append("Its transformers logs the learning rate of the next update: moved by one step.")
    if not run.logged:
        names = sorted({part.curve.name for part in parts if isinstance(part.curve, Schedule)})
        how = f", and the {' and '.join(names)} schedule through them" if names else ""
        notes.append(f"Learning rates are those that the checkpoints keep ({OPTIMIZER}, {SCHEDULER}){how}.")
    if any(part.how == "held" for part in parts):
        notes.append(
            "The learning rate changes in steps: it is held from one evaluation, or logged rate, to the next."
        )
    for part in parts[:-1]:
        why = "The run was resumed" if part.resumed else "The learning rate jumps up"
        notes.append(f"{why} after step {part.upto:.0f}: learning rates end and begin there.")
    if unknown := [interval[1] for interval in intervals if _is_interpolated(parts, interval)]:
        last = parts[-1].knots[-1][0]
        end = f" The last known is that of step {last}." if last < unknown[-1] else ""
        notes.append(
            "Learning rates are interpolated, as no schedule passes through all known ones, in the intervals "
            f"up to step {', '.join(map(str, unknown))}: a peak or a corner between two known rates would be "
            f"missed.{end}"
        )
    if _hides_warm_up(run, parts[0]):
        first = parts[0].knots[0][0]
        notes.append(f"No learning rate before step {first} is known: a warm-up before it would not show.")


def _hides_warm_up(run: RunRates, part: Part) -> bool:
    """Whether a line goes on before the first known rate that might as well come after a warm-up."""
    curve, first = part.curve, part.knots[0][0]
    if not isinstance(curve, Schedule) or curve.warmup or first == 1:
        return False
    if curve.name == "constant_with_warmup":
        return not any(state.plain for state in run.states.values())
    return curve.name == "linear" and not any(state.base for state in run.states.values())
