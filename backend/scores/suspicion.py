"""How suspicious the label of each row is: the channel's probability, changed by what others see of it.

It begins with `wrong_label` (`backend.scores.noise_channel`). A view looks at the rows in its own way: how
the fine-tuned model came to the label. As normal scores z of its ranks, a view is taken as normal, with one
mean for wrong and one for right labels; the means are weighted by the probabilities so far, so a view that
has nothing to do with them (a model that has hardly learnt) adds nothing, and a good one much:

    logit P = logit P(wrong) + mean over all rows and own class of (m1 - m0) / v * (z - (m1 + m0) / 2)

z is taken once among all rows and once among those of the row's class. It orders the queue; it is no
probability, since views are not independent. How it was chosen: docs/decisions.md, D-109.

Of answers of a language model, what speaks against a row is of many kinds, each rare: findings are joined as
Fisher (1932) joins tests, by the product of the shares of rows that are as suspicious or more; what every row
has more or less of, its loss and self-influence per token, counts as one of them (docs/decisions.md, D-161).

Without `wrong_label` (label sets and numbers have none), and for other decisions than about labels, it is the
mean rank over scores: that by one of `TARGETS`, or over `FALLBACK`, where they are there, else over all.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from backend.scores.ranks import rank_of, rank_within, rankdata, ranked
from backend.scores.registry import all_scores
from backend.scores.score import LABEL, Score
from backend.scores.table import ScoreTable

QUEUE = "suspicion"  # the name of the combined score
START = "wrong_label"
VIEWS = ("confidence",)
FALLBACK = ("confidence", "pvi", "token_association")
TARGETS = ("wrong_set", "wrong_number")
"""Of label sets, and of numbers: the score that orders their queue (docs/decisions.md, D-131)."""
FOUND = (
    "contradiction",
    "contradicted_in_eval",
    "unfinished",
    "template_marks",
    "odd_opening",
    "other_script",
    "answer_length",
    "cut_by_model",
)
"""Of language models' rows: the scores that find something, beyond their limits."""
BY_RANK = ("mean_loss", "token_self_influence")
"""Of language models' rows: what each has more or less of."""
ANSWERS = (*FOUND, *BY_RANK)
_OF_ANSWERS = frozenset(("unfinished", "token_self_influence"))  # which no other task has
_GRID = np.linspace(0, 1, 2001)[1:-1]  # of ranks; scipy has the same function, but loads slowly
_NORMAL_SCORES = np.array([NormalDist().inv_cdf(each) for each in _GRID.tolist()])
_EDGE = 1e-3  # ranks and probabilities are kept this far from 0 and 1
_PRIOR_ROWS = 5.0  # of a view's mean over wrong labels, at no difference: few wrong labels say little of it
_MOST = 3.0  # nats that one view may add or take


def suspicion_for(table: ScoreTable, classes: np.ndarray, serves: str) -> np.ndarray:
    """How much each row asks for a look in the queue of a decision: float64 (n), between 0 and 1.

    ``classes``: a number for the label of each row, int (n). Empty where no score serves the decision.
    """
    scores = [
        each
        for each in all_scores().values()
        if each.serves == serves and each.name in table.names and each.name != QUEUE
    ]
    if serves == LABEL and START in table.names and np.isfinite(table.values(START)).any():
        return _label_suspicion(table, classes)
    if serves == LABEL and _OF_ANSWERS & set(table.names):
        return _answer_suspicion(table, scores)
    chosen = [each for each in scores if serves == LABEL and each.name in _members(table)] or scores
    return _mean_rank([ranked(each, _suspicion(table, each), classes) for each in chosen])


def _members(table: ScoreTable) -> tuple[str, ...]:
    """The scores that order the queue of suspect labels, where there is no `START`."""
    known = (each for each in TARGETS if each in table.names and np.isfinite(table.values(each)).any())
    return next(((each,) for each in known), FALLBACK)


def suspicions(table: ScoreTable, classes: np.ndarray) -> dict[str, np.ndarray]:
    """Every score as suspicion, high asks for a look, and the queue of suspect labels: float64 (n)."""
    found = {name: _suspicion(table, each) for name, each in all_scores().items() if name in table.names}
    return {**found, QUEUE: suspicion_for(table, classes, LABEL)}


def _label_suspicion(table: ScoreTable, classes: np.ndarray) -> np.ndarray:
    """A row whose class the channel knows nothing of begins at the mean."""
    start = table.values(START)
    known = np.where(np.isfinite(start), start, np.nanmean(start))
    probability = np.clip(known, _EDGE**2, 1 - _EDGE**2)
    total = np.log(probability) - np.log1p(-probability)
    for name in VIEWS:
        if name in table.names:
            values, sees = _view(table, all_scores()[name])
            for ranks in (rank_of(values), rank_within(values, classes)):
                total = total + 0.5 * _seen(ranks, sees, probability)
    return 1 / (1 + np.exp(-total))


def _view(table: ScoreTable, view: Score) -> tuple[np.ndarray, np.ndarray]:
    """The suspicions of a view, float64 (n), and whether it sees the row, bool (n)."""
    values = _suspicion(table, view)
    sees = np.isfinite(values)
    if view.if_true is not None and view.if_true in table.names:
        sees &= table.values(view.if_true) > 0
    return values, sees


def _seen(ranks: np.ndarray, sees: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """What a view adds to the log odds of a wrong label: float64 (n), 0 where it sees nothing."""
    found = np.zeros(len(ranks))
    if not sees.any():
        return found
    ranks_seen = np.clip(ranks[sees], _EDGE, 1 - _EDGE)
    z, wrong = np.interp(ranks_seen, _GRID, _NORMAL_SCORES), probability[sees]
    right_mean = np.average(z, weights=1 - wrong)
    mean = (np.sum(wrong * z) + _PRIOR_ROWS * right_mean) / (wrong.sum() + _PRIOR_ROWS)
    variance = np.mean(wrong * (z - mean) ** 2 + (1 - wrong) * (z - right_mean) ** 2)
    if variance > 0:
        odds = (mean - right_mean) / variance * (z - (mean + right_mean) / 2)
        found[sees] = np.clip(odds, -_MOST, _MOST)
    return found


def _answer_suspicion(table: ScoreTable, scores: Sequence[Score]) -> np.ndarray:
    """What is found of a row, and where it stands by what every row has."""
    by_rank = [_suspicion(table, each) for each in scores if each.name in BY_RANK]
    return joint_rarity([_beyond(table, each) for each in scores if each.name in FOUND], by_rank)


def _beyond(table: ScoreTable, score: Score) -> np.ndarray:
    """The suspicions of a score that has a limit, NaN up to it: float64 (n)."""
    values = _suspicion(table, score)
    return np.where(values > score.suspicion(np.array([score.beyond], dtype=np.float64))[0], values, np.nan)


def joint_rarity(found: Sequence[np.ndarray], by_rank: Sequence[np.ndarray]) -> np.ndarray:
    """1 - the product of the shares of rows that are as suspicious as a row, or more: float64 (n).

    From suspicions (n) each, NaN where a row has none. Those of scores ``by_rank``, which say much the same,
    count together as one: by the geometric mean of their shares.
    """
    total = np.sum([np.nan_to_num(_rarity(each)) for each in found], axis=0)
    if by_rank:
        rarities = np.stack([_rarity(each) for each in by_rank])
        known = np.isfinite(rarities)
        total = total + np.nansum(rarities, axis=0) / np.maximum(known.sum(axis=0), 1)
    return 1 - np.exp(-total)


def _rarity(values: np.ndarray) -> np.ndarray:
    """-log of the share of all rows that are as suspicious or more: float64 (n), NaN where there is none."""
    known = np.isfinite(values)
    found = np.full(len(values), np.nan)
    if known.any():
        found[known] = -np.log(rankdata(-values[known], "max") / len(values))
    return found


def _suspicion(table: ScoreTable, score: Score) -> np.ndarray:
    return score.suspicion(table.values(score.name))


def _mean_rank(members: Sequence[np.ndarray]) -> np.ndarray:
    """The mean over the members that have a value, 0 where none has one: float64 (n)."""
    if not members:
        return np.empty(0)
    known = np.isfinite(members)
    counts = known.sum(axis=0)
    total = np.where(known, members, 0.0).sum(axis=0)
    return np.divide(total, counts, out=np.zeros(len(counts)), where=counts > 0)
