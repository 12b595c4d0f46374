"""`retrain --strategy select`: choose the training rows that are most like a target sample, train on them,
then fine-tune on the target (Iter & Grangier 2021, arXiv 2109.07591).

The guide is the target sample. Whether a choice is any good shows only after the fine-tuning on the target,
and over several sizes: rows that are too much like the target add nothing that it does not teach by itself.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from backend.data.equal_texts import equal_text_groups
from backend.scores.producers.contrastive import loss_change
from backend.scores.producers.domain import TOLD_APART, domain_probabilities
from backend.tasks.heads import CAUSAL_LM
from backend.trials.arm import Arm, Phase, Trial
from backend.trials.strategies.prune import parsed_fractions, percent, pruned_and_random
from backend.trials.strategies.strategy import Strategy, StrategyContext

BY = ("domain", "contrastive")
TARGET_ONLY, ALL = "target only", "all"


def likeness(context: StrategyContext, by: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """How much every training row is like the guide: float64 (n), NaN for a row without tokens; and notes.

    ``domain``: cross-fitted probability of being of the guide; ``contrastive``: how much easier a short
    fine-tuning on the guide makes the row.
    """
    guide = context.guide_rows.examples
    if by == "domain":
        scores = context.scores
        target = scores.encoder.encode(guide, scores.progress, "embeddings of the guide")
        features = np.concatenate([scores.embeddings, target])
        is_target = (np.arange(len(features)) >= len(context.train)).astype(np.int64)
        groups = equal_text_groups(context.train.examples + guide)
        settings = scores.settings
        found = domain_probabilities(features, is_target, groups, settings.folds, settings.seed)
        return found[: len(context.train)], _doubts(float(roc_auc_score(is_target, found)))
    return -loss_change(context.scores, guide), ()


def _doubts(auroc: float) -> tuple[str, ...]:
    """That what is chosen is chance, where training rows and guide can't be told apart."""
    if auroc >= TOLD_APART:
        return ()
    return (
        f"the domain classifier can't tell training rows and guide apart (AUROC {auroc:.2f}): which rows it "
        "selects is little but chance",
    )


def _trial(context: StrategyContext) -> Trial:
    by, fractions = context.options["by"], parsed_fractions(context.options["fractions"])
    values, notes = likeness(context, by)
    best = np.argsort(-np.where(np.isfinite(values), values, -np.inf), kind="stable")
    target = context.chosen(best[:0], context.guide)
    arms = [
        Arm(
            TARGET_ONLY,
            f"fine-tuned on the {len(context.guide)} target rows alone",
            lambda s: [Phase(target)],
        )
    ]
    x, controls = {TARGET_ONLY: 0.0}, {}

    def first(fraction: float, shuffled: bool, seed: int) -> list[Phase]:
        order = np.random.default_rng((seed, 6)).permutation(len(best)) if shuffled else best
        rows = np.sort(order[: max(round(fraction * len(order)), 1)])
        return [Phase(context.chosen(rows)), Phase(target)]

    for fraction in fractions:
        selected, random = pruned_and_random(by, [fraction])
        like = f"the {percent(fraction)} most like the target, then the target"
        arms.append(Arm(selected, like, partial(first, fraction, False)))
        arms.append(
            Arm(random, f"{percent(fraction)} at random, then the target", partial(first, fraction, True))
        )
        x |= {selected: fraction, random: fraction}
        controls[selected] = random
    arms.append(Arm(ALL, "all training rows, then the target", partial(first, 1.0, False)))
    x[ALL] = 1.0
    return Trial("select", tuple(arms), context.measured, notes=notes, x=x, controls=controls)


def _arms(options: dict[str, Any], guide: float) -> dict[str, float]:
    shares = {**pruned_and_random(options["by"], parsed_fractions(options["fractions"])), ALL: 1.0}
    return {TARGET_ONLY: guide, **{name: share + guide for name, share in shares.items()}}


STRATEGY = Strategy(
    "select",
    "Select",
    "choose the rows most like a target sample, train on them, then on the target",
    "Iter & Grangier 2021, arXiv 2109.07591",
    _trial,
    _arms,
    {
        "by": ("domain", f"how likeness is measured: {', '.join(BY)}"),
        "fractions": ("0.5,0.25,0.1", "shares of the training rows that are chosen"),
    },
    tasks=None,
    not_for=(CAUSAL_LM,),
    choices={"by": BY},
)
