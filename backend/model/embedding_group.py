"""Which of the optimizer's groups of parameters the word embeddings are in, and its learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from backend.files import read_json
from backend.model.group_rates import OPTIMIZER, GroupRates, read_group_rates

_CLOSE = 1e-6  # relative: two rates that are this near are one


@dataclass(frozen=True)
class EmbeddingGroup:
    """The group that the word embedding is in, and its rate over the first one's (None: it changes)."""

    number: int = 0
    ratio: float | None = 1.0

    @property
    def is_own(self) -> bool:
        """Whether its rate is another than the logged one."""
        return self.ratio is None or not math.isclose(self.ratio, 1.0, rel_tol=_CLOSE)


def read_states(folders: Mapping[int, Path], notes: list[str]) -> dict[int, GroupRates]:
    """Rates by step, of the checkpoints that keep some; all with as many groups as the last one."""
    config = read_json(folders[max(folders)] / "config.json") or {}
    unread: list[str] = []
    read = {step: read_group_rates(folder, _rows(config), unread) for step, folder in sorted(folders.items())}
    notes += unread[:1]
    if len(unread) > 1:
        notes.append(f"{len(unread) - 1} more such files can't be read.")
    states = {step: state for step, state in read.items() if state is not None}
    count = len(states[max(states)].now) if states else 0
    return {step: state for step, state in states.items() if len(state.now) == count}


def _rows(config: Mapping[str, object]) -> int | None:
    """Rows of the embedding table; configs of several models in one say it of the text model."""
    inner = config.get("text_config")
    for each in (config, inner if isinstance(inner, dict) else {}):
        if isinstance(rows := each.get("vocab_size"), int) and rows > 0:
            return rows
    return None


def embedding_group(states: Mapping[int, GroupRates], notes: list[str]) -> EmbeddingGroup:
    """The group of the word embeddings, by all checkpoints' states; the first where it can't be told.

    ``notes`` takes a sentence where it is not simply the logged one.
    """
    count = len(next(iter(states.values())).now) if states else 0
    rates = [_rates_of(states, number) for number in range(count)]
    if len(set(rates)) <= 1:
        return EmbeddingGroup()
    told = [state.holding for state in states.values() if state.holding is not None]
    holding = sorted(frozenset().union(*told))
    if told and not holding:  # the optimizer has never had it: frozen, which is said elsewhere
        return EmbeddingGroup()
    if not told or len({rates[number] for number in holding}) > 1:
        notes.append(
            f"The optimizer has {count} groups of parameters with learning rates of their own, and which of "
            "them the word embeddings are in can't be told: the first one's, which is logged, is taken."
        )
        return EmbeddingGroup()
    number = holding[0]
    found = EmbeddingGroup(number, _ratio(states, number))
    if found.ratio is None:
        notes.append(
            f"The learning rate of the word embeddings (group {number + 1} of {count}) has a schedule of its "
            f"own: it is taken from the states of the checkpoints ({OPTIMIZER}), not from the log."
        )
    elif found.is_own:
        notes.append(
            f"The word embeddings (group {number + 1} of {count} in {OPTIMIZER}) were trained with "
            f"{found.ratio:.3g} times the learning rate that is logged, the first group's."
        )
    return found


def _rates_of(states: Mapping[int, GroupRates], number: int) -> tuple[float | None, ...]:
    """All that is known of a group's rates, to be compared with another's."""
    return tuple(
        rate
        for state in states.values()
        for rate in (state.now[number], state.base[number] if state.base else None)
    )


def _ratio(states: Mapping[int, GroupRates], number: int) -> float | None:
    """A group's rate over the first one's, if it is the same at all checkpoints and of the base rates."""
    pairs = [(state.now[number], state.now[0]) for state in states.values()]
    pairs += [(state.base[number], state.base[0]) for state in states.values() if state.base]
    highest = max(first for _, first in pairs)
    if any(own > _CLOSE * highest >= first for own, first in pairs):
        return None
    ratios = [own / first for own, first in pairs if first > _CLOSE * highest]
    alike = ratios and all(math.isclose(each, ratios[0], rel_tol=_CLOSE) for each in ratios)
    return ratios[0] if alike else None
