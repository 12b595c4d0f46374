"""How long answers of a language model's rows are, in tokens, and how much of them it never reads."""

from __future__ import annotations

import numpy as np

from backend.scores.answer_form import far_from_middle
from backend.scores.context import Context
from backend.scores.score import LANGUAGE, Columns, Producer, Score

_UNCUT = 1 << 30  # tokens: more than any row has


def _compute(context: Context) -> Columns:
    from backend.model.loading import load_tokenizer
    from backend.model.prediction_table import read_predictions
    from backend.model.token_labels import learnt_tokens
    from backend.model.tokenization import encode_ids

    manifest = context.manifest
    tokenizer = load_tokenizer(context.folder.tokenizer_path(manifest))
    whole = encode_ids(tokenizer, context.train.examples, _UNCUT)
    counts = np.array([learnt_tokens(each) for each in whole], dtype=np.float64)
    read = read_predictions(context.folder, "train", manifest.checkpoints[-1].step).outputs[:, 1]
    cut = np.maximum(counts - read, 0) / np.maximum(counts, 1)
    middle = float(np.median(counts[counts > 0])) if counts.any() else 0.0
    return {
        "answer_length": far_from_middle(counts),
        "length_said": [_said(each, middle) for each in counts.tolist()],
        "cut_by_model": cut,
    }


def _said(tokens: float, middle: float) -> str:
    how = "short" if tokens < middle else "long"
    return f"unusually {how}: {tokens:,.0f} tokens are learnt; of the middle row {middle:,.0f}"


PRODUCER = Producer(
    name="answer_tokens",
    cost="seconds",
    inputs=("data", "predictions"),
    compute=_compute,
    tasks=LANGUAGE,
    scores=(
        Score(
            "answer_length",
            "unusual length",
            "what is learnt of it is far longer or shorter than of most rows (a right one can be)",
            "suspect label",
            "high",
            "|log2 T - median| / (1.4826 MAD, at least .5), T learnt tokens before anything is cut",
            "Iglewicz & Hoaglin 1993",
            "{length_said}",
            beyond=3.5,
        ),
        Score(
            "cut_by_model",
            "longer than the model reads",
            "the end of its answers is cut off before training",
            "suspect label",
            "high",
            "share of its learnt tokens that lie behind the longest input",
            "this project",
            "longer than the model reads: {cut_by_model:.0%} of what is to be learnt is cut off",
            beyond=0.0,
            absolute=True,
        ),
    ),
)
