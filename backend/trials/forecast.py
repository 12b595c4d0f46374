"""What removing or relabelling rows should do, said before anything is retrained.

Two forecasts, both cheap and both rough:

- *First order*: a training step on row x lowered query q's loss by about ``eta / B * <g(x), g(q)>`` at every
  visit, so without x the loss ends higher by ``sum_c visits_c * eta_c / B * <g_c(x), g_c(q)>``, the influence
  times visits over batch size. It sees the word embeddings only, takes the optimizer for plain gradient
  descent, and adds rows up as if they did not interact: trust its sign and order, not its size.
- *Unlearning*: some steps of gradient ascent on the rows, at the last checkpoint, see `unlearn`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from backend.data.examples import Examples
from backend.data.rowstate import RowState
from backend.influence.answers.explain import Explainer
from backend.influence.answers.summed_query import summed_query
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.modes import score_mode
from backend.model.training_settings import TrainingSettings
from backend.progress import Progress, epochs_words, silent
from backend.trials.decision_mark import decided_rows
from backend.trials.headline import headline
from backend.trials.original import run_settings
from backend.trials.question import choice_named
from backend.trials.statistics import interval
from backend.trials.unlearn import Query, unlearn


def forecast(
    explainer: Explainer,
    states: Mapping[str, RowState],
    records: Sequence[dict[str, Any]],
    *,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Forecasts for all eval rows together and for each query of ``records`` (see `question.resolved`).

    ``loss_change`` > 0: the loss of what is followed should rise. Eval's is the change of the mean loss.
    ``headline``: the figure of eval that unlearning is watched by. ``edit``: of the space. ``notes`` say what
    was assumed.
    """
    removed, relabelled, targets = _changed(explainer, states)
    settings, assumed = run_settings(explainer.folder)
    count = len(explainer.checkpoints.manifest.checkpoints)
    scale = (
        settings.epochs / count / settings.batch_size
    )  # visits between two checkpoints, over rows of a step
    queries = [_query(explainer, each) for each in records]
    names = ["eval", *(str(number) for number in range(len(queries)))]
    asked = [_whole_eval(explainer), *(_traced(explainer, each) for each in queries)]
    changes = {
        name: scale * _first_order(explainer, query, removed, relabelled, targets)
        for name, query in zip(names, asked, strict=True)
    }
    checked = unlearn(explainer, removed, relabelled, targets, queries, progress=progress)
    return {
        "eval": {"loss_change": changes["eval"], "unlearning": checked["eval"], "measured": None},
        "queries": [
            {"loss_change": changes[str(number)], "unlearning": each, "measured": None}
            for number, each in enumerate(checked["queries"])
        ],
        "removed": len(removed),
        "relabelled": len(relabelled),
        "steps": checked["steps"],
        "headline": headline(explainer.task),
        "edit": explainer.space.edit,
        "notes": [*_spacing(settings, count), *assumed],
    }


def with_measured(
    content: dict[str, Any], report: dict[str, Any], losses: Mapping[str, np.ndarray], arm: str
) -> dict[str, Any]:
    """A forecast with ``measured`` beside every ``loss_change``: what ``arm`` of the report came to.

    ``losses``: of every query in every arm, float64 (q, S). Changes against the report's reference:
    ``mean``, ``low`` and ``high`` (95 %) and ``seeds``; of a query the interval is over seeds only (None with
    one). None where the arm was not trained.
    """
    found = next((each for each in report["arms"] if each["name"] == arm), None)
    if found is None:
        return content
    change = {name: found["change"]["loss"][name] for name in ("mean", "low", "high", "seeds")}
    changes = losses[arm] - losses[report["reference"]]
    queries = [
        {**each, "measured": _summary(seeds)} for each, seeds in zip(content["queries"], changes, strict=True)
    ]
    return {**content, "eval": {**content["eval"], "measured": change}, "queries": queries}


def _summary(seeds: np.ndarray) -> dict[str, Any]:
    low, high = interval(seeds)
    return {"mean": float(seeds.mean()), "low": low, "high": high, "seeds": seeds.tolist()}


def _spacing(settings: TrainingSettings, count: int) -> list[str]:
    if count == 1:
        return [f"first order: one checkpoint stands for all {epochs_words(settings.epochs)}"]
    return [
        f"first order: the {count} checkpoints are taken as evenly spaced over "
        f"{epochs_words(settings.epochs)}, in batches of {settings.batch_size}"
    ]


def _changed(
    explainer: Explainer, states: Mapping[str, RowState]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of removed rows, of relabelled ones, and the latter's new targets as numbers (r, ...)."""
    given, now, removed = decided_rows(explainer.train, states)
    relabelled = np.flatnonzero((now != given) & ~removed)
    return np.flatnonzero(removed), relabelled, explainer.space.numbers(now[relabelled])


def _query(explainer: Explainer, record: dict[str, Any]) -> Query:
    """Texts, and what is followed."""
    if record["row"] is not None:
        return explainer.splits["eval"].texts_of(record["row"]), record["label"]
    texts = (record["text"], record["text_b"]) if record.get("text_b") else (record["text"],)
    return texts, record["label"]


def _traced(explainer: Explainer, query: Query) -> TracedExample:
    checkpoints, (texts, label) = explainer.checkpoints, query
    encoded = checkpoints.encode(Examples.one(*texts))
    traced = checkpoints.trace(encoded, [choice_named(explainer.space, label).number])[0]
    return explainer.searcher.ask(traced, score_mode("dot"))


def _whole_eval(explainer: Explainer) -> TracedExample:
    """All eval rows as one query, their mean."""
    split, checkpoints = explainer.splits["eval"], explainer.checkpoints
    encoded = checkpoints.encode(split.examples)
    labels = explainer.numbers("eval")
    return summed_query(explainer, encoded, labels, score_mode("dot"), 1 / max(len(split), 1))


def _first_order(
    explainer: Explainer,
    query: TracedExample,
    removed: np.ndarray,
    relabelled: np.ndarray,
    targets: np.ndarray,
) -> float:
    """What goes with the rows removed and the old targets, less what comes with the new ones."""
    lost = np.concatenate([removed, relabelled])
    influence = explainer.searcher.many_scores([query])[0]
    return float(influence[lost].sum() - _with_new_targets(explainer, query, relabelled, targets))


def _with_new_targets(
    explainer: Explainer, query: TracedExample, rows: np.ndarray, targets: np.ndarray
) -> float:
    """Influence that rows would have with other targets: the rows' gradients, summed, times the query's."""
    if not len(rows):
        return 0.0
    split, checkpoints = explainer.train, explainer.checkpoints
    encoded = checkpoints.encode(split.take(rows))
    together = summed_query(explainer, encoded, targets, score_mode("dot"))
    shared, mine, theirs = np.intersect1d(query.tokens, together.tokens, return_indices=True)
    if not len(shared):
        return 0.0
    # Both sides are times eta: one of them too many.
    products = np.einsum(
        "ctd,ctd->c", query.rows[:, mine].astype(np.float64), together.rows[:, theirs].astype(np.float64)
    )
    weights = checkpoints.weights.astype(np.float64)
    return float(np.divide(products, weights, out=np.zeros(len(products)), where=weights > 0).sum())
