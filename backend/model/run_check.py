"""An attached run held against its own log: is the model as good on these rows as it was on its own?

A model that says the right thing under the wrong name is right nowhere, and nothing else tells: classes
numbered in another order, texts cut to another length. So a sample of rows is predicted, the accuracy
compared with what the run logged, and the order of classes that fits best is looked for (Kuhn 1955, on the
confusion matrix of training rows) and tested on rows that had no part in finding it, by a sign test.
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
from backend.model.figures import Figures, figures_of
from backend.model.loading import embedding_layer
from backend.model.logged_evaluation import LoggedEvaluation
from backend.model.prediction import predict
from backend.model.tokenization import encode

MOST_ROWS = 400  # of each split
_LEAST_ROWS = 40
_OPERATIONS = 1.5e12  # for one split: half a minute on two slow cores
_LENGTHS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
_CERTAIN, _LIKELY = 1e-4, 0.01
_SLIGHT = 0.03  # a lower accuracy that asks for no remark, however many rows show it
_LOSS = 0.2  # nats, and half as much again


@dataclass(frozen=True)
class Rows:
    """Rows of a split that are predicted; ``labels`` (n) are places in the model's order of classes."""

    texts: list[str]
    texts_b: list[str] | None
    labels: np.ndarray
    of: int
    """How many rows the split has."""


@dataclass(frozen=True)
class RunCheck:
    """What came of it: ``said`` in a line, ``fits`` (None: nothing to compare with), ``record`` for the
    manifest; ``order``: the model's classes as they should be named, where another order is certain."""

    said: str
    fits: bool | None
    record: dict[str, Any]
    order: list[str] | None = None


Predict = Callable[[Rows, int], np.ndarray]
"""Probabilities (n, K) of rows cut to a length."""


def drawn_rows(split: Split, classes: Sequence[str], most: int, seed: int = 0) -> Rows:
    """At most ``most`` rows of a split, drawn at random."""
    chosen = np.sort(np.random.default_rng(seed).permutation(len(split))[:most]).tolist()
    number = {name: place for place, name in enumerate(classes)}
    return Rows(
        [split.texts[each] for each in chosen],
        [split.texts_b[each] for each in chosen] if split.texts_b else None,
        np.array([number[split.labels[each]] for each in chosen], dtype=np.int64),
        len(split),
    )


def affordable_rows(model: PreTrainedModel, tokens: int) -> int:
    """How many rows of so many tokens are predicted in reasonable time."""
    vocabulary = embedding_layer(model).weight.numel()
    weights = max(sum(each.numel() for each in model.parameters()) - vocabulary, 1)
    return int(np.clip(_OPERATIONS / (2 * weights * max(tokens, 1)), _LEAST_ROWS, MOST_ROWS))


def predictor(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Predict:
    """Probabilities by a model."""
    return lambda rows, length: predict(model, encode(tokenizer, rows.texts, rows.texts_b, length), tokenizer)


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
    figures = figures_of(evaluation.labels.tolist(), probabilities.argmax(axis=1).tolist(), classes)
    loss = _loss(probabilities, evaluation.labels)
    record = {
        "rows": figures.rows,
        "of": evaluation.of,
        "accuracy": round(figures.accuracy, 4),
        "loss": round(loss, 4),
        "majority": round(figures.majority, 4),
        "logged": None if logged is None else vars(logged),
    }
    here = _here(figures, evaluation)
    order = _other_order(ask(train, length), train, probabilities, evaluation, len(classes), logged)
    if order is not None:
        named = [classes[each] for each in order.places]
        said = (
            f"the order of the classes is wrong: {here}{_as_logged(logged)}; with --classes "
            f"{as_option(named)} it is {order.accuracy:.1%} of the {order.rows:,} rows that were asked"
        )
        return RunCheck(said, False, {**record, "fits": False, "order": named, "said": said}, named)
    said, fits = _compared(figures, loss, logged, here)
    if fits is False:
        said += _length(ask, evaluation, probabilities, logged, shorter)
    return RunCheck(said, fits, {**record, "fits": fits, "said": said})


def as_option(names: Sequence[str]) -> str:
    """Class names as `--classes` takes them."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return shlex.quote(line.getvalue())


def lengths_that_cut(tokenizer: PreTrainedTokenizerBase, rows: Rows, limit: int) -> list[int]:
    """Usual lengths below ``limit`` at which one text in twenty or more would be cut."""
    found = np.array([len(each) for each in encode(tokenizer, rows.texts, rows.texts_b, limit)])
    least = 2 + tokenizer.num_special_tokens_to_add(pair=rows.texts_b is not None)
    return [each for each in _LENGTHS if least <= each < limit and (found > each).mean() >= 0.05]


# -- parts ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Order:
    """The class of each output, as a place in the order that was assumed; ``accuracy`` on ``rows``."""

    places: list[int]
    accuracy: float
    rows: int


def _other_order(
    trained: np.ndarray,
    train: Rows,
    held_out: np.ndarray,
    evaluation: Rows,
    count: int,
    logged: LoggedEvaluation | None,
) -> _Order | None:
    """Another order of the classes that is certainly better; None if there is none.

    Found on every other training row, tested on all other rows.
    """
    from scipy.optimize import linear_sum_assignment

    said = trained.argmax(axis=1)
    pairs = train.labels[::2] * count + said[::2]
    confusion = np.bincount(pairs, minlength=count * count).reshape(count, count).astype(float)
    confusion += np.eye(count) * 0.5 / count  # of equals, the order as it is
    labels, outputs = linear_sum_assignment(-confusion)
    places = np.empty(count, dtype=np.int64)
    places[outputs] = labels
    truth = np.concatenate([train.labels[1::2], evaluation.labels])
    raw = np.concatenate([said[1::2], held_out.argmax(axis=1)])
    before, after = raw == truth, places[raw] == truth
    if not _is_better(after, before, _CERTAIN) or after.mean() < np.bincount(truth).max() / len(truth):
        return None
    if logged is not None and logged.accuracy is not None:
        here = held_out.argmax(axis=1)
        distances = [
            abs((each == evaluation.labels).mean() - logged.accuracy) for each in (here, places[here])
        ]
        if distances[0] <= distances[1]:  # as the run itself saw it
            return None
    return _Order(places.tolist(), float(after.mean()), len(truth))


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
    before = probabilities.argmax(axis=1) == rows.labels
    best: tuple[float, float, int, np.ndarray] | None = None
    for length in shorter():
        found = ask(rows, length)
        right = found.argmax(axis=1) == rows.labels
        goal = 0.0 if logged is None or logged.loss is None else logged.loss
        key = (float(right.mean()), -abs(_loss(found, rows.labels) - goal), length, right)
        best = key if best is None or key[:2] > best[:2] else best
    if best is None or not _is_better(best[3], before, _LIKELY):
        return "; look at its tokenizer, the length of texts, the order of classes"
    return f"; with texts cut to {best[2]} tokens it is {best[0]:.1%}: attach it with --max-length {best[2]}"


def _is_better(after: np.ndarray, before: np.ndarray, level: float) -> bool:
    """Sign test over rows that are right in one way and wrong in the other."""
    from scipy.stats import binomtest

    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    return gained > lost and binomtest(gained, gained + lost, 0.5, "greater").pvalue < level


def _is_lower(figures: Figures, accuracy: float) -> bool:
    """Whether so few right ones are not to be expected of that accuracy."""
    from scipy.stats import binomtest

    right = round(figures.accuracy * figures.rows)
    expected = min(accuracy, 1 - 0.5 / figures.rows)
    if figures.accuracy >= accuracy - _SLIGHT:
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
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(own, 1e-30)).mean())
