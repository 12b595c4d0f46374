"""All rows of a split with all that is known of each, as one table that `backend.data.slice` filters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from backend.data.dataset import Split
from backend.data.overlap import stands_also_in
from backend.data.rowstate import RowState
from backend.data.slice import WRONG
from backend.data.targets.registry import space_of
from backend.model.prediction_table import Predictions
from backend.queue.queue_item import UNDECIDED
from backend.scores.registry import all_scores
from backend.scores.table import ScoreTable

LOSS, CONFIDENCE, IN_BOTH = "loss", "probability", "in_both"
ANSWER_LOSS = "loss_per_token"
TARGET, SAID, ERROR = "target", "said", "error"
OWN_COLUMNS = {
    TARGET: "given number",
    SAID: "predicted number",
    ERROR: "prediction - given",
    LOSS: "loss of the label",
    ANSWER_LOSS: "loss per token",
    CONFIDENCE: "probability of the prediction",
    IN_BOTH: "text is in both splits (1)",
}


def row_table(
    split: Split, other: Split, predictions: Predictions | None, scores: ScoreTable | None
) -> pa.Table:
    """Id, texts, label, group; with predictions also these, `WRONG`, loss and probability (or numbers); with
    scores their columns.

    `IN_BOTH` is 1 where the text also stands in the ``other`` split, else 0.

    Scores whose values are no numbers, or that no producer declares, are left out.
    """
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "id": pa.array(split.ids),
        **{name: pa.array(values) for name, values in split.examples.columns().items()},
        "label": pa.array(split.labels),
        **({"group": pa.array(split.groups)} if split.groups is not None else {}),
    }
    if predictions is not None:
        is_text = space_of(split.task).edit == "text"
        columns |= {
            "predicted": predictions.table["predicted"],
            ANSWER_LOSS if is_text else LOSS: predictions.table["loss"],
        }
        if is_text:
            pass  # what a model says of such a row is its loss
        elif predictions.has_probabilities:
            most = predictions.probabilities.max(axis=1).astype(np.float64)
            columns[CONFIDENCE] = pa.array(most)
        else:
            given = np.array([float(each) for each in split.labels])
            said = predictions.outputs[:, 0].astype(np.float64)
            columns |= {TARGET: pa.array(given), SAID: pa.array(said), ERROR: pa.array(said - given)}
        columns[WRONG] = pa.array(predictions.wrong)
    columns[IN_BOTH] = pa.array(stands_also_in(split.examples, other.examples).astype(np.float64))
    if scores is not None:
        columns |= {name: pa.array(scores.values(name)) for name in scores.names if name in all_scores()}
    return pa.table(columns)


def score_titles(table: pa.Table) -> dict[str, str]:
    """The numeric columns of a table of rows, and what each is called."""
    known = {**OWN_COLUMNS, **{name: each.title for name, each in all_scores().items()}}
    return {name: known[name] for name in table.column_names if name in known}


def with_decisions(table: pa.Table, states: Mapping[str, RowState]) -> pa.Table:
    """The table with what was decided last about each row."""
    decided = [states[row].action if row in states else UNDECIDED for row in table["id"].to_pylist()]
    return table.append_column("decision", pa.array(decided, pa.string()))
