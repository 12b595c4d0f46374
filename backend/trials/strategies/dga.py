"""`retrain --strategy dga`: dynamic gradient alignment over sources beside fixed mixtures."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from backend.audit.sources import source_names
from backend.errors import InputError
from backend.files import digest
from backend.folder import Folder
from backend.tasks.heads import CAUSAL_LM
from backend.trials.arm import Arm, Phase, Trial, same_rows
from backend.trials.recipes.dga import DynamicMixture, Mixture, MixtureSettings
from backend.trials.strategies.strategy import Strategy, StrategyContext

PROPORTIONAL, UNIFORM, ALIGNED = "proportional", "uniform", "aligned"


def _trial(context: StrategyContext) -> Trial:
    settings = MixtureSettings(**context.options)
    sources = source_names(context.train)
    everything, guide = context.everything, context.guide_rows
    DynamicMixture(sources, guide, settings)  # says what is wrong before anything is trained
    mark = digest("dga", asdict(settings), context.guide.tolist(), sources)
    named = "groups" if context.train.groups is not None else "classes (there is no --group column)"
    sizes = ", ".join(f"{name} {count:,}" for name, count in sorted(Counter(sources).items()))
    return Trial(
        "dga",
        (
            same_rows(everything, PROPORTIONAL, "every row once an epoch: sources by their size"),
            Arm(
                UNIFORM,
                "as many rows from every source",
                lambda seed: [Phase(everything, Mixture(sources), digest("uniform", sources))],
            ),
            Arm(
                ALIGNED,
                "more from sources whose gradient agrees with the guide's",
                lambda seed: [Phase(everything, DynamicMixture(sources, guide, settings), mark)],
            ),
        ),
        context.measured,
        control=UNIFORM,
        notes=(f"sources are {named}: {sizes}",),
    )


def _check(folder: Folder, options: dict[str, Any]) -> None:
    manifest = folder.manifest()
    if manifest.data.group is None and manifest.task.name != "classification":
        raise InputError("--strategy dga: draws from groups of rows; name their column with `init --group`")


def _arms(options: dict[str, Any], guide: float) -> dict[str, float]:
    return dict.fromkeys((PROPORTIONAL, UNIFORM, ALIGNED), 1.0)


_DEFAULT = MixtureSettings()
STRATEGY = Strategy(
    "dga",
    "Mixture",
    "dynamic gradient alignment: draw more from sources that help a target set",
    "arXiv 2410.02498",
    _trial,
    _arms,
    {
        "eta": (_DEFAULT.eta, "size of a step of the weights"),
        "every": (_DEFAULT.every, "training steps between two"),
        "beta": (_DEFAULT.beta, "weight of the newest in the moving average"),
        "floor": (_DEFAULT.floor, "least weight of a source, times the number of sources"),
    },
    tasks=None,
    not_for=(CAUSAL_LM,),
    check=_check,
)
