"""An attached run held against its own log: is the model as good on these rows as it was on its own?

A model that says the right thing under the wrong name is right nowhere, and nothing else tells: classes
numbered in another order, texts cut to another length. So a sample of rows is predicted, the accuracy
compared with what the run logged, and another order of the classes looked for.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.data.dataset import Split
from backend.data.examples import Examples
from backend.data.targets.registry import space_of
from backend.manifest import TaskInfo
from backend.model.class_order import ClassOrder, is_better, other_order
from backend.model.figures import Figures, figures_of
from backend.model.loading import embedding_layer
from backend.model.logged_evaluation import LoggedEvaluation
from backend.model.prediction import predict
from backend.model.tokenization import encode
from backend.tasks.classification import TASK as CLASSES
from backend.tasks.heads import CAUSAL_LM
from backend.tasks.registry import task_named

MOST_ROWS = 400  # of each split
_LEAST_ROWS = 40
_ENOUGH = 20  # rows of a class: where fewer are to be had, each gets as many as the others
_OPERATIONS = 1.5e12  # for one split: half a minute on two slow cores
_LENGTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
_LIKELY = 0.01
_FEW = 100  # rows of each split that are tried first
_FEW_OF_CLASS = 25
_SURE = 3  # standard errors, of an accuracy at most
_LOWER = 0.03  # a lower accuracy that asks for no remark, however many rows show it
_LOSS = 0.2  # nats, and half as much again


@dataclass(frozen=True)
class Rows:
    """Rows of a split that are predicted; ``labels`` (n, ...): their targets as losses take them."""

    examples: Examples
    labels: np.ndarray
    of: int
    """How many rows the split has."""


@dataclass(frozen=True)
class RunCheck:
    """What came of it: ``said`` in a line, ``fits`` (None: nothing to compare with), ``record`` for the
    manifest; ``wrong_order``: another order of the model's classes is certainly better; ``order``: which,
    where the place of every class is known."""

    said: str
    fits: bool | None
    record: dict[str, Any]
    order: list[str] | None = None
    wrong_order: bool = False

    @property
    def is_enough(self) -> bool:
        """Whether more rows would hardly say anything else: as good as the log or, without one, surely better
        than always saying the largest class."""
        if self.wrong_order or self.fits is False:
            return False
        if self.fits or "majority" not in self.record:
            return True
        lead, rows = self.record["accuracy"] - self.record["majority"], self.record["rows"]
        return lead > _SURE * 0.5 / max(rows, 1) ** 0.5


Predict = Callable[[Rows, int], np.ndarray]
"""Probabilities (n, K) of rows cut to a length."""


def drawn_rows(split: Split, task: TaskInfo, most: int, seed: int = 0) -> Rows:
    """At most ``most`` rows of a split, drawn at random."""
    return _rows(split, task, np.random.default_rng(seed).permutation(len(split))[:most])


def drawn_by_class(split: Split, task: TaskInfo, most: int, seed: int = 0) -> Rows:
    """At most ``most`` rows of a split, at random; of many classes, as many rows of each as can be."""
    if len(task.classes) * _ENOUGH <= most:
        return drawn_rows(split, task, most, seed)
    drawn = np.random.default_rng(seed).permutation(len(split))
    taken: dict[str, int] = {}
    turn = np.empty(len(split), dtype=np.int64)  # which row of its class it is
    for place, each in enumerate(drawn.tolist()):
        turn[place] = taken[split.labels[each]] = taken.get(split.labels[each], 0) + 1
    return _rows(split, task, drawn[np.argsort(turn, kind="stable")][:most])


def _rows(split: Split, task: TaskInfo, drawn: np.ndarray) -> Rows:
    chosen = split.take(np.sort(drawn))
    return Rows(chosen, space_of(task).numbers(chosen.targets), len(split))


def affordable_rows(model: PreTrainedModel, tokens: int) -> int:
    """How many rows of so many tokens are predicted in reasonable time."""
    vocabulary = embedding_layer(model).weight.numel()
    weights = max(sum(each.numel() for each in model.parameters()) - vocabulary, 1)
    return int(np.clip(_OPERATIONS / (2 * weights * max(tokens, 1)), _LEAST_ROWS, MOST_ROWS))


def few_rows(classes: int) -> int:
    """How many rows of each split are tried first: enough to see a wrong order of so many classes."""
    return max(_FEW, _FEW_OF_CLASS * classes)


def predictor(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Predict:
    """Probabilities by a model."""
    return lambda rows, length: predict(model, encode(tokenizer, rows.examples, length), tokenizer)


def check_run(
    ask: Predict,
    train: Rows,
    evaluation: Rows,
    classes: Sequence[str],
    logged: LoggedEvaluation | None,
    length: int,
    shorter: Callable[[], Sequence[int]],
) -> RunCheck:
    """Predict the rows, compare with what was ``logged``, and look for an order or a length that explains it.

    ``length``: where texts are cut; ``shorter``: other lengths that may be meant, none where it is known.
    """
    probabilities = ask(evaluation, length)
    figures = figures_of(evaluation.labels.tolist(), CLASSES.predicted(probabilities).tolist(), classes)
    loss = _loss(probabilities, evaluation.labels)
    record: dict[str, Any] = {
        "rows": figures.rows,
        "of": evaluation.of,
        "accuracy": round(figures.accuracy, 4),
        "loss": round(loss, 4),
        "majority": round(figures.majority, 4),
        "logged": None if logged is None else vars(logged),
    }
    here = _here(figures, evaluation)
    order = other_order(
        (train.labels, CLASSES.predicted(ask(train, length))),
        (evaluation.labels, CLASSES.predicted(probabilities)),
        len(classes),
        None if logged is None else logged.accuracy,
    )
    if order is not None:
        named = None if order.guessed else [classes[each] for each in order.places]
        said = f"the order of the classes is wrong: {here}{_as_logged(logged)}; {_better(order, named)}"
        record |= {"fits": False, "order": named, "said": said}
        return RunCheck(said, False, record, named, wrong_order=True)
    said, fits = _compared(figures, loss, logged, here)
    if fits is False:
        said += _length(ask, evaluation, probabilities, logged, shorter)
    return RunCheck(said, fits, {**record, "fits": fits, "said": said})


def plain_check(
    ask: Predict, evaluation: Rows, task: TaskInfo, logged: LoggedEvaluation | None, length: int
) -> RunCheck:
    """The task's own figures on the rows, beside the loss that the run logged; for notes only."""
    kind, space, targets = task_named(task.name), space_of(task), list(evaluation.examples.targets)
    outputs = ask(evaluation, length)
    figures = kind.figures(space, outputs, targets)
    mean = float(kind.judge(space, outputs, targets).loss.mean())
    loss = (
        figures[0].value if task.name == CAUSAL_LM else mean
    )  # trainers log the mean of tokens, not of rows
    listed = ", ".join(f"{each.title} {each.value:.3f}" for each in figures)
    sample = "all" if len(targets) == evaluation.of else f"a sample of {len(targets):,} of"
    said = f"here ({sample} {evaluation.of:,} eval rows) {listed}, mean loss {loss:.3f}"
    fits = None
    if logged is None or logged.loss is None:
        said += "; the run's log holds no evaluation to compare with"
    else:
        fits = loss <= logged.loss + max(_LOSS, 0.5 * logged.loss)
        word = "as good as the log" if fits else "if these are the same rows, something differs"
        said += f"; the run logged a loss of {logged.loss:.3f}: {word}"
    if doubt := kind.doubt(space, outputs, targets):
        said += f"; {doubt}"
    record = {
        "rows": len(targets),
        "of": evaluation.of,
        **{each.name: round(each.value, 4) for each in figures},
        "loss": round(loss, 4),
        "logged": None if logged is None else vars(logged),
        "fits": fits,
        "doubt": doubt,
        "said": said,
    }
    return RunCheck(said, fits, record)


def _better(order: ClassOrder, named: list[str] | None) -> str:
    """What another order gives, and which it is where all of it is known."""
    if named is not None:
        return f"with --classes {as_option(named)} it is {order.accuracy:.1%}"
    return (
        f"another order is certainly better, but the place of {order.guessed:,} of {len(order.places):,} "
        "classes would be a guess (too few of these rows are theirs); give --classes in the order of the "
        "script that trained the model"
    )


def as_option(names: Sequence[str]) -> str:
    """Class names as `--classes` takes them."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return shlex.quote(line.getvalue())


def lengths_that_cut(tokenizer: PreTrainedTokenizerBase, rows: Rows, limit: int) -> list[int]:
    """Usual lengths below ``limit`` at which one text in twenty or more would be cut."""
    found = np.array([len(each) for each in encode(tokenizer, rows.examples, limit)])
    least = 2 + tokenizer.num_special_tokens_to_add(pair=len(rows.examples.fields) > 1)
    return [each for each in _LENGTHS if least <= each < limit and (found > each).mean() >= 0.05]


# -- parts ----------------------------------------------------------------------------------------


def _compared(
    figures: Figures, loss: float, logged: LoggedEvaluation | None, here: str
) -> tuple[str, bool | None]:
    if logged is None:
        return (
            f"{here}; always saying the largest class gives {figures.majority:.1%}. "
            "The run's log holds no evaluation to compare with",
            None,
        )
    if logged.accuracy is not None:
        low = _is_lower(figures, logged.accuracy)
        word = "lower than the log" if low else "as good as the log"
        said = f"{here}{_as_logged(logged)}: {word}"
        return (f"{said}, if these are rows of the same kind" if low else said), not low
    assert logged.loss is not None
    high = loss > logged.loss + max(_LOSS, 0.5 * logged.loss)
    word = "if these are the same rows, something differs" if high else "as good as the log"
    return f"{here}, mean loss {loss:.3f}; the run logged a loss of {logged.loss:.3f}: {word}", not high


def _length(
    ask: Predict,
    rows: Rows,
    probabilities: np.ndarray,
    logged: LoggedEvaluation | None,
    shorter: Callable[[], Sequence[int]],
) -> str:
    """The length at which the model is certainly better, as advice; "" if there is none."""
    before = CLASSES.predicted(probabilities) == rows.labels
    best: tuple[float, float, int, np.ndarray] | None = None
    for length in shorter():
        found = ask(rows, length)
        right = CLASSES.predicted(found) == rows.labels
        goal = 0.0 if logged is None or logged.loss is None else logged.loss
        key = (float(right.mean()), -abs(_loss(found, rows.labels) - goal), length, right)
        best = key if best is None or key[:2] > best[:2] else best
    if best is None or not is_better(best[3], before, _LIKELY):
        return "; look at its tokenizer, the length of texts, the order of classes"
    return f"; with texts cut to {best[2]} tokens it is {best[0]:.1%}: attach it with --max-length {best[2]}"


def _is_lower(figures: Figures, accuracy: float) -> bool:
    """Whether so few right ones are not to be expected of that accuracy."""
    from scipy.stats import binomtest

    right = round(figures.accuracy * figures.rows)
    expected = min(accuracy, 1 - 0.5 / figures.rows)
    if figures.accuracy >= accuracy - _LOWER:
        return False
    return binomtest(right, figures.rows, expected, "less").pvalue < _LIKELY


def _here(figures: Figures, rows: Rows) -> str:
    sample = "all" if figures.rows == rows.of else f"a sample of {figures.rows:,} of"
    return f"accuracy here {figures.accuracy:.1%} ({sample} {rows.of:,} eval rows)"


def _as_logged(logged: LoggedEvaluation | None) -> str:
    if logged is None or logged.accuracy is None:
        return ""
    when = "" if logged.step is None else f" at step {logged.step:,}"
    return f", the run logged {logged.accuracy:.1%}{when}"


def _loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return float(CLASSES.losses_of(probabilities, labels).mean())
