"""Domain classifier: whether a training row could come from the target sample."""

from __future__ import annotations

import numpy as np

from backend.data.dataset import load_split
from backend.data.equal_texts import different_texts, equal_text_groups
from backend.data.examples import Examples
from backend.data.messages import shown_name
from backend.errors import InputError
from backend.folder import Folder
from backend.model.embeddings import stored_embeddings
from backend.scores.context import Context
from backend.scores.score import LANGUAGE, Columns, Producer, Score
from backend.scores.settings import EVAL, ScoreSettings
from backend.scores.target import USES, target_texts

TOLD_APART = 0.6  # AUROC from which on training and target rows can be told apart


def domain_probabilities(
    features: np.ndarray, is_target: np.ndarray, groups: np.ndarray, folds: int, seed: int
) -> np.ndarray:
    """Probability of each row to be of the target, judged by a model that never saw it: float64 (n + m).

    From features float32 (n + m, e), membership and groups int64 (n + m). Pool and target count the same in
    sum, so .5 means that nothing speaks for either. `InputError` where they are too few for folds.
    """
    from backend.scores.folds import stratified_folds
    from backend.scores.probe import fitted_probe

    fold_of = stratified_folds(is_target, groups, folds, seed)
    found = np.zeros(len(features))
    for fold in np.unique(fold_of):
        held = fold_of == fold
        probe = fitted_probe(features[~held], is_target[~held], groups[~held], 2, seed, balanced=True)
        found[held] = probe.probabilities(features[held])[:, 1]
    return found


def _compute(context: Context) -> Columns:
    from sklearn.metrics import roc_auc_score

    target, train, settings = target_texts(context), context.train, context.settings
    count = len(train)
    features = np.concatenate([context.embeddings, _embeddings(context, target)])
    is_target = np.arange(len(features)) >= count
    groups = equal_text_groups(train.examples + target)
    _require_enough(len(np.unique(groups[count:])), settings)
    found = domain_probabilities(features, is_target.astype(np.int64), groups, settings.folds, settings.seed)
    auroc = float(roc_auc_score(is_target, found))
    if auroc < TOLD_APART:  # then single probabilities are chance, too
        found = np.full(len(found), 0.5)
    return {"target_probability": found[:count], "domain_auroc": np.full(count, auroc)}


def _require_enough(different: int, settings: ScoreSettings) -> None:
    if different < settings.folds:
        raise InputError(_too_few(different, settings))


def _hindrance(folder: Folder, settings: ScoreSettings) -> str | None:
    if settings.target != EVAL:  # read when it is needed
        return None
    different = different_texts(load_split(folder, "eval").examples, settings.folds)
    return _too_few(different, settings) if different < settings.folds else None


def _too_few(different: int, settings: ScoreSettings) -> str:
    return (
        f"--target {shown_name(settings.target)}: {different} different texts; "
        f"cross-fitting needs at least {settings.folds}, one for every fold"
    )


def _embeddings(context: Context, target: Examples) -> np.ndarray:
    if context.settings.target == EVAL:
        return stored_embeddings(context.folder, "eval", context.encoder, context.progress)
    return context.encoder.encode(target, context.progress, "embeddings of the target")


PRODUCER = Producer(
    name="domain",
    cost="sentence embeddings once and seconds",
    uses=("encoder", "folds", "seed", *USES),
    reads_eval=True,
    compute=_compute,
    tasks=None,
    but=LANGUAGE,
    hindrance=_hindrance,
    version=2,
    scores=(
        Score(
            "target_probability",
            "target domain",
            "it could come from the target sample",
            "off-domain",
            "low",
            "p(target | sentence embedding), logistic regression, cross-fitted, both sides weighted equally; "
            f".5 for all where they can't be told apart (AUROC below {TOLD_APART})",
            "Iter & Grangier 2021 (domain classifier)",
            "unlike the target sample: {target_probability:.0%} likely to be of it "
            "(training and target rows are told apart with AUROC {domain_auroc:.2f})",
        ),
    ),
)
