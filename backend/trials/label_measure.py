"""Figures of label sets: micro- and macro-F1, mean average precision, share of exactly right rows, mean
loss, F1 and recall by label, exactly right rows by group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backend.tasks.multilabel import TASK
from backend.trials.row_moves import average_precision, ratio_moves
from backend.trials.statistics import Family, Groups, Measure, Runs, signed


class LabelMeasure(Measure):
    """``truth`` float32 (n, K), rows of 0 and 1. Macro-F1 and mean average precision are means over the
    labels that some eval row has."""

    one_answer = "one set of labels"
    group_figure = "exactly right"

    def __init__(self, truth: np.ndarray, labels: Sequence[str], groups: Sequence[str] | None) -> None:
        self._truth = truth
        self._given = truth.sum(axis=0, dtype=np.float64)
        self._there = np.flatnonzero(self._given).tolist()
        names = [f"{figure}/{name}" for figure in ("f1", "recall") for name in labels]
        plain = Family.of_all("micro_f1", "macro_f1", "map", "exact", "loss")
        super().__init__([plain, Family(names, len(labels), np.tile(self._given, 2))], Groups(groups))

    def figures(self, outputs: np.ndarray) -> np.ndarray:
        """From probabilities of the labels; of a label that no row has NaN."""
        said = TASK.predicted(outputs)
        hits = (said * self._truth).sum(axis=0, dtype=np.float64)
        counted = self._given + said.sum(axis=0, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            f1, recall = np.where(self._given > 0, [2 * hits / counted, hits / self._given], np.nan)
        exact = self.right(outputs).astype(np.float64)
        precisions = [average_precision(self._truth[:, k] > 0, outputs[:, k])[0] for k in self._there]
        plain = [
            2 * hits.sum() / max(counted.sum(), 1),
            f1[self._there].mean() if self._there else 0.0,
            np.mean(precisions) if precisions else np.nan,
            exact.mean(),
            TASK.losses_of(outputs, self._truth).mean(),
        ]
        return np.concatenate([plain, f1, recall, self._groups.means(exact)])

    def right(self, outputs: np.ndarray) -> np.ndarray:
        """Exactly the given labels."""
        return (TASK.predicted(outputs) == self._truth).all(axis=1)

    def says_one_thing(self, outputs: np.ndarray) -> bool:
        """One set of labels for all rows, where they do not all have the same."""
        said = TASK.predicted(outputs)
        return bool((said == said[0]).all() and not (self._truth == self._truth[0]).all())

    def row_errors(self, runs: Runs, reference: Runs) -> np.ndarray:
        """All in closed form, label by label, so that no table of rows and labels is added up."""
        count, labels = self._truth.shape
        exact, loss, micro = np.zeros(count), np.zeros(count), np.zeros(count)
        for outputs, sign in signed(runs, reference):
            said = TASK.predicted(outputs)
            exact += sign * (said == self._truth).all(axis=1)
            loss += sign * TASK.losses_of(outputs, self._truth)
            micro += sign * _f1_moves(
                said.sum(axis=1), self._truth.sum(axis=1), (said * self._truth).sum(axis=1)
            )
        macro, precision = np.zeros(count), np.zeros(count)
        of_labels = np.zeros((2, labels))
        for label in self._there:
            moves = self._of_label(label, runs, reference)
            macro += moves[0] / len(self._there)
            precision += moves[2] / len(self._there)
            of_labels[:, label] = (moves[:2] ** 2).sum(axis=1)
        plain = [
            (micro**2).sum(),
            (macro**2).sum(),
            (precision**2).sum(),
            exact.var() / count,
            loss.var() / count,
        ]
        return np.sqrt(np.concatenate([plain, *of_labels, self._groups.squares(exact)]))

    def _of_label(self, label: int, runs: Runs, reference: Runs) -> np.ndarray:
        """Moves of one label's F1, recall and average precision: (3, n)."""
        given = self._truth[:, label].astype(np.float64)
        found = np.zeros((3, len(given)))
        for outputs, sign in signed(runs, reference):
            scores = outputs[:, label]
            said = TASK.predicted(scores).astype(np.float64)
            found[0] += sign * _f1_moves(said, given, said * given)
            found[1] += sign * ratio_moves(said * given, given)
            found[2] += sign * average_precision(given > 0, scores)[1]
        return found


def _f1_moves(said: np.ndarray, given: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Of twice what is both, over what is said and what is given."""
    return ratio_moves(2.0 * both, np.asarray(said + given, dtype=np.float64))
