"""Whether a run's log is one update ahead: before transformers 4.51 it tells the next update's rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from backend.files import read_json
from backend.model.group_rates import GroupRates
from backend.model.rates import Knots
from backend.model.trainer_log import TrainerLog, version_of

_EQUAL = 1e-9  # relative: two updates of a line of 100 million steps are further apart
_OF_OLD = (0, 15)  # peft before it may have been used with a transformers before 4.51


def shifted(log: TrainerLog, states: Mapping[int, GroupRates], last: Path, notes: list[str]) -> TrainerLog:
    """The log, ``ahead`` as the states of the checkpoints tell it, by step; else as the version does.

    ``notes`` takes a sentence where neither does and ``last``, the last checkpoint, is an adapter of a
    version that allows both.
    """
    told = _told(log.rates, states)
    if told is not None:
        return replace(log, ahead=told)
    adapter = read_json(last / "adapter_config.json")
    if log.ahead is None and adapter is not None and len({rate for _, rate in log.rates}) > 1:
        peft = version_of(adapter.get("peft_version"))
        if peft is None or peft < _OF_OLD:
            notes.append(
                "Which transformers trained the adapters is not recorded: one before 4.51 logs the learning "
                "rate of the next update, and these would be one update late."
            )
    return log


def _told(rates: Knots, states: Mapping[int, GroupRates]) -> bool | None:
    """By the rates logged at the checkpoints' own steps: the state's is that of the next update.

    A rate that is the same in the entry before or after tells nothing.
    """
    still = {step for a, b in pairwise(rates) if a[1] == b[1] for step in (a[0], b[0])}
    equal = [
        math.isclose(rate, states[step].now[0], rel_tol=_EQUAL)
        for step, rate in rates
        if step in states and step not in still
    ]
    return all(equal) if equal and len(rates) > 1 else None
