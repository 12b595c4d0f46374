"""`retrain --strategy reweight`: weigh rows by their influence on what the model gets wrong.

A row's influence on the guide's misclassified rows, summed; its rank within its class, from 0 to 2, is its
weight, so that no class gains. The control has the same weights, dealt out at random within the class. Of
other tasks the class is the stratum; an error is a set of labels that is not exactly right, or a number of
the worst tenth.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import rankdata

from backend.errors import InputError
from backend.files import digest
from backend.influence.answers.summed_query import summed_query
from backend.influence.index.modes import MODES, score_mode
from backend.tasks.heads import CAUSAL_LM
from backend.trials.arm import Arm, Phase, Trial, same_rows
from backend.trials.recipes.fixed_weights import FixedWeights
from backend.trials.strata import strata_words
from backend.trials.strategies.strategy import Strategy, StrategyContext

PLAIN, WEIGHTED, SHUFFLED = "plain", "weighted", "shuffled weights"


def influence_on_errors(context: StrategyContext, score: str) -> np.ndarray:
    """Summed influence of every training row on the rows of the guide that the model gets wrong: float64 (n).

    `InputError` where there are none.
    """
    mode, engine, guide = score_mode(score), context.scores.explainer, context.guide_rows.examples
    encoded = engine.checkpoints.encode(guide)
    labels = engine.space.numbers(guide.targets)
    wrong = np.flatnonzero(engine.predictions("eval").wrong[context.guide])
    if not len(wrong):
        raise InputError("the model gets every row of the guide right: there are no errors to weigh by")
    query = summed_query(engine, [encoded[each] for each in wrong.tolist()], labels[wrong], mode)
    return engine.searcher.many_scores([query])[0] * engine.searcher.factors(mode)


def rank_weights(influence: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Weights from 0 (most harmful of its stratum) to 2, mean 1 within each: float64 (n)."""
    weights = np.ones(len(influence))
    for each in np.unique(strata):
        own = strata == each
        count = int(own.sum())
        if count > 1:
            weights[own] = 2 * (rankdata(influence[own]) - 1) / (count - 1)
    return weights


def _trial(context: StrategyContext) -> Trial:
    score = context.options["score"]
    weights = rank_weights(influence_on_errors(context, score), context.strata)
    everything, mark = context.everything, digest("reweight over all", weights.round(6).tolist())

    def shuffled(seed: int) -> list[Phase]:
        random, dealt = np.random.default_rng((seed, 7)), weights.copy()
        for each in np.unique(context.strata):
            own = np.flatnonzero(context.strata == each)
            dealt[own] = random.permutation(dealt[own])
        return [Phase(everything, FixedWeights(dealt), f"shuffled {mark}")]

    return Trial(
        "reweight",
        (
            same_rows(everything, PLAIN, "all rows count the same"),
            Arm(
                WEIGHTED,
                f"rows count by their influence ({score}) on {_wrong(context)}",
                lambda seed: [Phase(everything, FixedWeights(weights), mark)],
            ),
            Arm(
                SHUFFLED,
                f"the same weights, dealt out at random within the {strata_words(context.space)}",
                shuffled,
            ),
        ),
        context.measured,
        control=SHUFFLED,
    )


def _wrong(context: StrategyContext) -> str:
    words = {
        "choose many": "rows of the guide that are not exactly right",
        "number": "rows of the guide among the worst tenth of eval",
    }
    return words.get(context.space.edit, "misclassified rows of the guide")


def _arms(options: dict[str, Any], guide: float) -> dict[str, float]:
    return dict.fromkeys((PLAIN, WEIGHTED, SHUFFLED), 1.0)


STRATEGY = Strategy(
    "reweight",
    "Reweight",
    "weigh rows by their influence on eval errors",
    "TracIn-WE (Yeh et al. 2022) as weights; Ren et al. 2018 for the idea",
    _trial,
    _arms,
    {"score": ("fisher", "score mode of the influence, as in explain")},
    tasks=None,
    not_for=(CAUSAL_LM,),
    choices={"score": tuple(MODES)},
    needs_index=True,
)
