"""How the model came to each label while it trained: confidence, AUM, forgetting and others, for free.

From what training logged, or the checkpoints say (see `backend.scores.dynamics`). A *check*
is one look at all rows: at the end of every epoch and four times a run at least; or at a checkpoint.
Each score is the mean over the runs that were logged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backend.scores.context import Context
from backend.scores.dynamics import dynamics_inputs, early, load_dynamics
from backend.scores.score import CLASSIFICATION, Columns, Producer, Score

if TYPE_CHECKING:  # a list of scores must not wait for transformers
    from backend.model.dynamics import Dynamics


def run_scores(run: Dynamics) -> dict[str, np.ndarray]:
    """All scores of one run, each float64 (n)."""
    loss, margin, error = (run.values[name].astype(np.float64) for name in ("loss", "margin", "error"))
    probability, correct = np.exp(-loss), run.values["correct"]
    return {
        "confidence": probability.mean(axis=0),
        "variability": probability.std(axis=0),
        "correctness": correct.mean(axis=0),
        "forgetting": forgetting(correct),
        "aum": margin.mean(axis=0),
        "el2n": error[early(run.epochs)].mean(axis=0),
        "mean_loss": loss.mean(axis=0),
    }


def forgetting(correct: np.ndarray) -> np.ndarray:
    """How often a row went from right to wrong: float64 (n), from bool (E, n); E + 1 if it was never right.

    One more than the number of checks: more than any row that was learnt can have.
    """
    lost = (correct[:-1] & ~correct[1:]).sum(axis=0)
    return np.where(correct.any(axis=0), lost, len(correct) + 1).astype(np.float64)


def _compute(context: Context) -> Columns:
    if context.manifest.task.name != "classification":
        return {"mean_loss": mean_loss(context)}
    logged = load_dynamics(context.folder)
    runs = [run_scores(each) for each in logged]
    means = {name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]}
    learnt = np.stack([run["correctness"] > 0 for run in runs])
    lost = np.where(learnt, [run["forgetting"] for run in runs], 0.0).sum(axis=0)
    said = [
        _forgotten(int(count), len(runs), float(times))
        for count, times in zip(learnt.sum(axis=0).tolist(), lost.tolist(), strict=True)
    ]
    last = [run.values["correct"][-1] for run in logged]
    return {
        **means,
        "forgetting_said": said,
        "class_learnt": class_learnt(np.mean(last, axis=0), context.labels),
    }


def mean_loss(context: Context) -> np.ndarray:
    """The loss of each row's own target, mean over checks and runs: float64 (n)."""
    runs = load_dynamics(context.folder)
    return np.mean([run.values["loss"].mean(axis=0, dtype=np.float64) for run in runs], axis=0)


def class_learnt(right: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether the model knows the class of each row: bool (n).

    It does where it is right about half of the class's rows in the end: of a class that it never says, its
    doubts say nothing about a row's label. From how often it is right, float (n), and ``labels`` int64 (n).
    """
    share = np.bincount(labels, weights=right) / np.maximum(np.bincount(labels), 1)
    return share[labels] >= _LEARNT


def _forgotten(learnt: int, runs: int, times: float) -> str:
    """``learnt``: in how many of the ``runs``; ``times``: how often it was lost in these, all together."""
    if learnt == 0:
        return "never learnt"
    count = f"{times / learnt:.3g}"
    often = f"learnt and forgotten again {count} time{'s' * (count != '1')}"
    return often if learnt == runs else f"{often} in {learnt} of {runs} runs, never learnt in the others"


_LEARNT = 0.5  # of a class's rows

_CARTOGRAPHY = "Swayamdipta et al. 2020"

PRODUCER = Producer(
    name="dynamics",
    cost="none beside `train` (attached runs: none beside `precompute`)",
    inputs=dynamics_inputs,
    compute=_compute,
    tasks=None,
    version=3,
    scores=(
        Score(
            "confidence",
            "confidence",
            "while it trained, the model believed the label",
            "suspect label",
            "low",
            "mean over checks of p_c(y)",
            _CARTOGRAPHY,
            "the model gave its label {confidence:.2f} on average while it trained",
            within_class=True,
            if_true="class_learnt",
            tasks=CLASSIFICATION,
        ),
        Score(
            "variability",
            "variability",
            "the model changed its mind: ambiguous",
            "hard",
            "high",
            "standard deviation over checks of p_c(y)",
            _CARTOGRAPHY,
            "the model kept changing its mind: its belief in the label varied by {variability:.2f}",
            tasks=CLASSIFICATION,
        ),
        Score(
            "correctness",
            "correctness",
            "the model was right in most checks",
            "suspect label",
            "low",
            "share of checks with argmax z_c = y",
            _CARTOGRAPHY,
            "the model was right about it in {correctness:.0%} of the checks while it trained",
            within_class=True,
            if_true="class_learnt",
            tasks=CLASSIFICATION,
        ),
        Score(
            "forgetting",
            "forgetting events",
            "learnt and lost again, or (number of checks + 1) never learnt",
            "hard",
            "high",
            "checks c with argmax z_c = y but argmax z_(c+1) != y; C + 1 if never right",
            "Toneva et al. 2019",
            "{forgetting_said}",
            tasks=CLASSIFICATION,
        ),
        Score(
            "aum",
            "area under the margin",
            "its label won clearly against the others",
            "suspect label",
            "low",
            "mean over checks of z_y - max over k != y of z_k",
            "Pleiss et al. 2020",
            "its label led the next class by {aum:+.2f} on average (below 0: it lagged behind)",
            within_class=True,
            if_true="class_learnt",
            tasks=CLASSIFICATION,
        ),
        Score(
            "el2n",
            "early error norm (EL2N)",
            "early in training the model was far from the label",
            "suspect label",
            "high",
            "mean over checks in the first two epochs of |softmax(z_c) - onehot(y)|",
            "Paul et al. 2021",
            "early in training the model was {el2n:.2f} away from its label (at most 1.41)",
            within_class=True,
            if_true="class_learnt",
            tasks=CLASSIFICATION,
        ),
        Score(
            "mean_loss",
            "mean loss",
            "the model never came to terms with the label (answer)",
            "suspect label",
            "high",
            "mean over checks of -log p_c(y); of label sets the mean over the labels, of numbers (f - y)^2, "
            "of answers the mean over their tokens",
            "Swayamdipta et al. 2020 (as confidence)",
            "its loss was {mean_loss:.2f} on average while the model trained",
            within_class=True,
            if_true="class_learnt",
        ),
    ),
)
