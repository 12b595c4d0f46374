"""`retrain --strategy mask`: gradient-guided loss masking beside its baselines."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from backend.files import digest
from backend.tasks.heads import CAUSAL_LM
from backend.trials.arm import Arm, Phase, Trial, same_rows
from backend.trials.recipes.mask import GradientMask, MaskSettings
from backend.trials.strata import strata_names
from backend.trials.strategies.strategy import Strategy, StrategyContext

PLAIN, MASKED, CLEAN, MIXED = "plain", "masked", "guide only", "train and guide"


def _trial(context: StrategyContext) -> Trial:
    settings = MaskSettings(**context.options)
    everything, guide, strata = context.everything, context.guide_rows, context.strata
    names = strata_names(context.space, strata)
    alone = context.chosen(everything.train[:0], context.guide)
    mixed = context.chosen(everything.train, context.guide)
    mark = digest("mask", asdict(settings), context.guide.tolist())
    return Trial(
        "mask",
        (
            same_rows(everything, PLAIN, "all training rows"),
            Arm(
                MASKED,
                "rows whose gradient opposes the guide's are masked, step by step",
                lambda seed: [Phase(everything, GradientMask(guide, settings, strata, names), mark)],
            ),
            same_rows(alone, CLEAN, f"the {len(context.guide)} rows of the guide alone"),
            same_rows(mixed, MIXED, "training rows and guide together"),
        ),
        context.measured,
        control=MIXED,
        notes=("a mask is worth its while where it beats training on the guide, too",),
    )


def _arms(options: dict[str, Any], guide: float) -> dict[str, float]:
    return {PLAIN: 1.0, MASKED: 1.0, CLEAN: guide, MIXED: 1.0 + guide}


_DEFAULT = MaskSettings()
STRATEGY = Strategy(
    "mask",
    "Mask",
    "gradient-guided loss masking: skip examples whose gradient opposes a clean set's",
    "Wang et al. 2021, arXiv 2102.13549",
    _trial,
    _arms,
    {
        "warmup": (_DEFAULT.warmup, "share of the steps before the first mask"),
        "refresh": (_DEFAULT.refresh, "steps between two gradients of the guide"),
        "guide_batch": (_DEFAULT.guide_batch, "rows of the guide for each of them"),
        "threshold": (_DEFAULT.threshold, "least alignment of an example that is trained on"),
        "most_of_a_class": (
            _DEFAULT.most_of_a_class,
            "largest share of a class (or stratum) that may be masked",
        ),
    },
    tasks=None,
    not_for=(CAUSAL_LM,),
)
