"""The parts of a run between which its learning rate is one curve: one, unless it was resumed or jumps up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from backend.model.drops import Drops
from backend.model.embedding_group import EmbeddingGroup
from backend.model.group_rates import GroupRates
from backend.model.rates import Curve, Knots, changes_in_steps, held, interpolated, restarts
from backend.model.recognised import recognised
from backend.model.trainer_log import TrainerLog

_SAME = 1e-6  # relative


@dataclass(frozen=True)
class Part:
    """The run up to step ``upto``: its curve, and how that was found.

    ``how``: ``exact`` (a schedule through all that is known), ``held`` or ``interpolated``. ``resumed``:
    whether the run was resumed at its end; else the rate only jumps up there.
    """

    upto: float
    curve: Curve
    how: str
    knots: Knots
    resumed: bool = False


@dataclass(frozen=True)
class RunRates:
    """What is known of a run: its log, the states of its checkpoints by step, its embedding's group."""

    log: TrainerLog
    states: Mapping[int, GroupRates]
    group: EmbeddingGroup
    checkpoints: Sequence[int]

    @property
    def waiting(self) -> GroupRates | None:
        """A state of a schedule that waits for evaluations."""
        return next((each for each in self.states.values() if each.stepwise), None)

    @property
    def logged(self) -> Knots:
        """The logged rates that say the embedding's."""
        return self.log.knots(self.waiting is not None) if self.group.ratio is not None else []

    def knots(self) -> Knots:
        """All known rates of the embedding."""
        known = {step: rate * (self.group.ratio or 0.0) for step, rate in self.logged}
        known |= {step + 1: state.now[self.group.number] for step, state in self.states.items()}
        return sorted(known.items())


def find_parts(run: RunRates) -> list[Part]:
    """None if no rate is known. A jump up parts the run only if no schedule passes through it."""
    knots, drops = run.knots(), _drops(run)
    if drops is not None:
        return [Part(math.inf, drops, "exact", knots)]
    if run.waiting is not None or any(state.drops for state in run.states.values()):
        return [Part(math.inf, _held(run, knots), "held", knots)] if knots else []
    resumed = _resumes(run)
    parts = _split(run, knots, resumed, resumed)
    if all(part.how != "interpolated" for part in parts):
        return parts
    return _split(run, knots, resumed | _jumps(run), resumed)


def _drops(run: RunRates) -> Curve | None:
    """The curve of a schedule that drops after fixed numbers of updates, if the states agree with it."""
    number = run.group.number
    found: Drops | None = None
    for step, state in run.states.items():
        if state.drops is None or state.base is None or state.drops.made != step:
            return None
        found, base = state.drops, state.base[number]
        rate = base * float(found.factors(np.array([step + 1.0]))[0])
        if not math.isclose(rate, state.now[number], rel_tol=_SAME):
            return None
    return None if found is None else lambda steps: base * found.factors(steps)


def _held(run: RunRates, knots: Knots) -> Curve:
    states = list(run.states.values())
    factor = next((each.drops.gamma for each in states if each.drops), None)
    return held(knots, run.log.evaluated, run.waiting.factor if run.waiting else factor)


def _resumes(run: RunRates) -> set[int]:
    """Steps from which the run was resumed: the planned steps change after them, or it logs steps again."""
    plans = run.log.plans
    changed = {a for a, b in pairwise(sorted(plans)) if plans[a] != plans[b]}
    return changed | _last_before(run, [each for each in restarts(run.log.rates) if each[1] in run.log.again])


def _jumps(run: RunRates) -> set[int]:
    """Checkpoints after which a falling rate jumps up and falls on."""
    return _last_before(run, restarts(run.log.rates))


def _last_before(run: RunRates, jumps: Iterable[tuple[int, int]]) -> set[int]:
    inside = ([step for step in run.checkpoints if before <= step < after] for before, after in jumps)
    return {steps[-1] for steps in inside if steps}


def _split(run: RunRates, knots: Knots, seams: set[int], resumed: set[int]) -> list[Part]:
    """The parts up to the seams.

    A resumed run makes its first update with the rate that the optimizer was saved with: that one belongs to
    the part before, where a state was saved.
    """
    parts, start = [], 0.0
    for seam in [*sorted(seams), math.inf]:
        end = seam + (seam in run.states or bool(run.log.ahead))
        own = [knot for knot in knots if start < knot[0] <= end]
        states = [state for step, state in run.states.items() if start - 1 <= step <= seam]
        planned = run.log.max_steps if seam == math.inf else run.log.plans.get(int(seam))
        if own:
            how, curve = _through(run, own, states, planned)
            parts.append(Part(end, curve, how, own, seam in resumed))
        start = end
    return parts


def _through(
    run: RunRates, knots: Knots, states: Sequence[GroupRates], planned: int | None
) -> tuple[str, Curve]:
    base = next((state.base[run.group.number] for state in reversed(states) if state.base), None)
    composed = any(state.composed for state in states)
    end = planned or _end_of_line(base, knots)
    schedule = recognised(base, knots, end) if end and not composed else None
    if schedule is not None:
        return "exact", schedule
    if changes_in_steps(knots) and not any(state.scheduled for state in states):
        return "held", held(knots, run.log.evaluated)
    return "interpolated", interpolated(knots, planned)


def _end_of_line(base: float | None, knots: Knots) -> int | None:
    """After how many steps the line from the base rate through the last known one is at 0."""
    step, rate = knots[-1]
    if base is None or len(knots) < 2 or not rate < base * (1 - _SAME):
        return None
    return round((step - 1) / (1 - rate / base))
