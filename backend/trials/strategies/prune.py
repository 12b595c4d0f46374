"""`retrain --strategy prune`: leave out a part of the rows by a score, and see from which size on it hurts.

Which end to leave out, and how much, can only be known from the curve (Anand et al. 2023): easy ones for
speed, hard ones where labels are wrong; ``stratified`` keeps the share of every class (of other
tasks stratum); ``probabilistic`` draws
rows without replacement with a probability that grows with the score, which spares heavy tails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backend.errors import InputError
from backend.folder import Folder
from backend.program import COMMAND
from backend.scores.registry import all_scores, producer_of, scores_for
from backend.scores.settings import EVAL
from backend.scores.table import artifact_name, read_scores
from backend.trials.arm import Arm, Phase, Trial, same_rows
from backend.trials.strata import strata_words
from backend.trials.strategies.strategy import Strategy, StrategyContext

WAYS = {
    "easy": "the easiest left out",
    "hard": "the hardest left out",
    "stratified": "the easiest of every class left out",
    "probabilistic": "drawn, hard ones rather,",
}
ALL = "all rows"
_LOSS = "mean_loss"  # of every task
_LEAST = 1e-3  # weight of the row that is least likely to be kept


def kept_rows(values: np.ndarray, strata: np.ndarray, fraction: float, way: str, seed: int) -> np.ndarray:
    """Places of the ``fraction`` of rows that stay, ascending, from hardness ``values`` (n), high is hard.

    ``easy`` leaves the easiest out, ``hard`` the hardest, ``stratified`` the easiest of every stratum,
    ``probabilistic`` draws. A row without a value counts as neither: the median.
    """
    filled = np.where(np.isfinite(values), values, np.nanmedian(values))
    random = np.random.default_rng((seed, 5))
    tie = random.random(len(filled))
    hardest_first = np.lexsort((tie, -filled))
    count = max(round(fraction * len(filled)), 1)
    if way == "easy":
        chosen = hardest_first[:count]
    elif way == "hard":
        chosen = hardest_first[::-1][:count]
    elif way == "stratified":
        parts = [hardest_first[strata[hardest_first] == each] for each in np.unique(strata)]
        chosen = np.concatenate([part[: max(round(fraction * len(part)), 1)] for part in parts])
    else:
        spread = np.ptp(filled)
        scaled = (filled - filled.min()) / spread if spread > 0 else np.ones(len(filled))
        weights = np.maximum(scaled, _LEAST)
        chosen = random.choice(len(filled), count, replace=False, p=weights / weights.sum())
    return np.sort(chosen)


def _trial(context: StrategyContext) -> Trial:
    options = context.options
    name, way, fractions = options["score"], options["way"], parsed_fractions(options["fractions"])
    hardness = _hardness(context.scores.folder, name)
    left_out = WAYS[way].replace("class", strata_words(context.space))
    arms, x = [same_rows(context.everything, ALL, "nothing left out")], {ALL: 1.0}
    controls = {}
    for fraction in fractions:
        pruned, random = pruned_and_random(name, [fraction])
        keep = _keeping(context, hardness, fraction, way)
        arms.append(Arm(pruned, f"{percent(fraction)} kept, {left_out} by {name}", keep))
        drawn = "stratified" if way == "stratified" else "easy"  # as many, of every stratum as many
        by_chance = _keeping(context, np.zeros(len(hardness)), fraction, drawn)
        arms.append(Arm(random, f"{percent(fraction)} kept at random", by_chance))
        x |= {pruned: fraction, random: fraction}
        controls[pruned] = random
    measured = np.arange(len(context.scores.evaluation))
    return Trial("prune", tuple(arms), measured, notes=_notes(context, name), x=x, controls=controls)


def _notes(context: StrategyContext, name: str) -> tuple[str, ...]:
    """That the rows which measure had a say in the choice, if they had."""
    producer = producer_of(name)
    made_with = context.scores.manifest.artifacts[artifact_name(producer)].details
    chosen = {made_with.get(each, EVAL) for each in ("target", "clean")}
    if not producer.reads_eval or chosen != {EVAL}:
        return ()
    return (
        f"the score {name} was computed with the eval rows, which also measure: its arms look better here "
        "than on rows never seen",
    )


def _keeping(
    context: StrategyContext, hardness: np.ndarray, fraction: float, way: str
) -> Callable[[int], list[Phase]]:
    def phases(seed: int) -> list[Phase]:
        return [Phase(context.chosen(kept_rows(hardness, context.strata, fraction, way, seed)))]

    return phases


def _check(folder: Folder, options: dict[str, Any]) -> None:
    _hardness(folder, options["score"])


def _hardness(folder: Folder, name: str) -> np.ndarray:
    """The score, turned so that high is hard, suspect or unlike the rest."""
    known = all_scores()
    if name not in known:
        raise InputError(f"--set score={name}: unknown; `{COMMAND} scores WS --list` names them")
    task = folder.manifest().task.name
    if name not in (served := scores_for(task)):
        raise InputError(f"--set score={name}: not made for {task}; such are {', '.join(served)}")
    table = read_scores(folder)
    if name not in table.names:
        raise InputError(f"score {name} is not computed; run `{COMMAND} scores {folder.path} --only {name}`")
    values = table.values(name)
    if not np.isfinite(values).any():
        raise InputError(f"score {name} has no value for any row")
    # VoG's end to look at is the low one, redundancy: its hard end is the high one (Anand et al. 2023).
    high_is_hard = (known[name].suspect == "high") != (known[name].serves == "redundant")
    return values if high_is_hard else -values


def pruned_and_random(by: str, fractions: Sequence[float]) -> dict[str, float]:
    """Names of the two arms of every fraction, as many rows by ``by`` and at random; and the fraction."""
    return {f"{name} {percent(each)}": each for each in fractions for name in (by, "random")}


def percent(fraction: float) -> str:
    """A share for the name of an arm: different ones stay different."""
    return f"{100 * fraction:.6g}%"


def parsed_fractions(text: str) -> list[float]:
    """From ``0.9,0.7``; `InputError` for anything but numbers above 0 and below 1."""
    try:
        found = [float(each) for each in text.split(",")]
    except ValueError:
        found = []
    if not found or any(not 0 < each < 1 for each in found):
        raise InputError(f"--set fractions={text}: must be numbers above 0 and below 1, such as 0.9,0.7,0.5")
    return sorted(set(found), reverse=True)


def _arms(options: dict[str, Any], guide: float) -> dict[str, float]:
    names = pruned_and_random(options["score"], parsed_fractions(options["fractions"]))
    return {ALL: 1.0, **names}


STRATEGY = Strategy(
    "prune",
    "Prune",
    "leave out a part of the training rows by a score, against random",
    "Anand et al. 2023, arXiv 2311.16298",
    _trial,
    _arms,
    {
        "score": ("el2n", f"a score of `scores`; for tasks without classes {_LOSS} by default"),
        "way": ("easy", f"what is left out: {', '.join(WAYS)}"),
        "fractions": ("0.9,0.7,0.5", "shares of the rows that stay"),
    },
    guided=False,
    tasks=None,
    task_defaults={each: {"score": _LOSS} for each in ("multilabel", "regression", "causal-lm")},
    choices={"way": tuple(WAYS)},
    check=_check,
)
