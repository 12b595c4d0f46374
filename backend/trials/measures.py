"""Which figures a task's trials have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.data.targets.space import Space
from backend.tasks.heads import CAUSAL_LM
from backend.trials.class_measure import ClassMeasure
from backend.trials.label_measure import LabelMeasure
from backend.trials.language_measure import LanguageMeasure
from backend.trials.number_measure import NumberMeasure
from backend.trials.redrawn_measure import RedrawnMeasure
from backend.trials.statistics import Measure


def measure_of(space: Space, targets: Sequence[str], groups: Sequence[str] | None) -> Measure:
    """The measure by eval rows with these targets, and their groups where there is a column of them."""
    if space.task == "regression":
        truth = np.array([float(each) for each in targets])
        return NumberMeasure(truth, space.strata(targets), groups)
    if space.task == CAUSAL_LM:
        return LanguageMeasure(groups)
    if space.task == "multilabel":
        return LabelMeasure(space.numbers(targets), space.names, groups)
    if space.task == "classification":
        return ClassMeasure(space.numbers(targets), space.names, groups)
    return RedrawnMeasure(space, targets, groups)
