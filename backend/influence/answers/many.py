"""Many queries at once: traced in batches, the index read once for all of them, each re-ranked from its
rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backend.data.dataset import Split
from backend.data.targets.space import Numbers
from backend.errors import InputError
from backend.files import replacing
from backend.influence.answers.defaults import DEFAULT_SCORE
from backend.influence.answers.explain import Explainer
from backend.influence.answers.ranking import Ranked, Ranking
from backend.influence.gradients.traced import TracedExample
from backend.influence.index.modes import ScoreMode, score_mode
from backend.progress import Progress, silent
from backend.scratch import sweep

LabelChoice = Literal["predicted", "given"]
LABEL_CHOICES = ("predicted", "given")
STRONGEST_TOKENS = 5
_SCORES_AT_ONCE = 1 << 24  # approximate scores in memory: 64 MB
_MOST_AT_ONCE = 64

SCHEMA = pa.schema(
    [
        ("query_id", pa.string()),
        ("query_label", pa.string()),
        ("predicted", pa.string()),
        ("explained", pa.string()),
        ("kind", pa.string()),
        ("rank", pa.int32()),
        ("train_id", pa.string()),
        ("train_label", pa.string()),
        ("score", pa.float64()),
        ("tokens", pa.list_(pa.struct([("token", pa.string()), ("score", pa.float64())]))),
    ]
)


@dataclass(frozen=True)
class Answer:
    """The ranking of one row of a split.

    ``predicted``: what the model says; ``explained``: the class, or other choice, whose loss was traced;
    ``asked``: what was searched for (see `Searcher.ask`).
    """

    position: int
    predicted: str
    explained: str
    asked: TracedExample
    ranking: Ranking


def answers(
    explainer: Explainer, split: Split, positions: Sequence[int], label: LabelChoice, mode: ScoreMode, k: int
) -> Iterator[Answer]:
    """The ``k`` strongest training examples of each end for rows of a split, in order.

    A training row leaves itself out.
    """
    searcher = explainer.searcher
    at_once = max(1, min(_MOST_AT_ONCE, _SCORES_AT_ONCE // searcher.count))
    for start in range(0, len(positions), at_once):
        block = positions[start : start + at_once]
        traced, predicted, explained = _traced(explainer, split, block, label)
        asked = [searcher.ask(each, mode) for each in traced]
        owns = [each if split.name == "train" else None for each in block]
        rankings = searcher.many_top(asked, mode, k, owns)
        for parts in zip(block, predicted, explained, asked, rankings, strict=True):
            yield Answer(*parts)


def write_answers(
    explainer: Explainer,
    split: Split,
    out: Path,
    *,
    label: LabelChoice = "predicted",
    score: str = DEFAULT_SCORE,
    k: int = 10,
    progress: Progress = silent,
) -> int:
    """Write the rankings of all rows of a split to a Parquet file (see `SCHEMA`); returns their number.

    Raises `InputError` for a wrong option, or where ``out`` exists.
    """
    mode = asked_mode(score, label, k)
    if out.suffix.lower() not in (".parquet", ".pq"):
        raise InputError(f"--out {out}: must end in .parquet, or in .jsonl for the pretraining-tda viewer")
    require_new(out)
    with replacing(out) as temporary, pq.ParquetWriter(temporary, SCHEMA) as writer:
        for answer in all_answers(explainer, split, label, mode, k, progress):
            writer.write_table(answer_table(explainer, split, answer))
    return len(split)


def asked_mode(score: str, label: str, k: int) -> ScoreMode:
    """The score mode; `InputError` for an option that says nothing that can be done."""
    mode = score_mode(score)
    if label not in LABEL_CHOICES:
        raise InputError(f"--label {label}: must be one of {', '.join(LABEL_CHOICES)}")
    if k < 1:
        raise InputError(f"-k {k}: must be at least 1")
    return mode


def require_new(out: Path) -> None:
    """`InputError` where a file is there or its folder is not; removes what a killed process left of it."""
    if out.exists() or not out.parent.is_dir():
        raise InputError(f"{out}: {'exists already' if out.exists() else 'its folder does not exist'}")
    sweep(out.parent, out.name)


def all_answers(
    explainer: Explainer, split: Split, label: LabelChoice, mode: ScoreMode, k: int, progress: Progress
) -> Iterator[Answer]:
    """The answers of a whole split, in its order, told to ``progress`` once each is done with."""
    progress("explaining", 0, len(split))
    made = answers(explainer, split, range(len(split)), label, mode, k)
    for done, answer in enumerate(made, start=1):
        yield answer
        progress("explaining", done, len(split))


def answer_table(explainer: Explainer, split: Split, answer: Answer) -> pa.Table:
    """The entries of one answer, proponents first, as rows of `SCHEMA`."""
    train = explainer.splits["train"]
    rows = []
    for kind, ranked in (("proponent", answer.ranking.proponents), ("opponent", answer.ranking.opponents)):
        for place, position in enumerate(ranked.positions.tolist()):
            rows.append(
                {
                    "query_id": split.ids[answer.position],
                    "query_label": split.labels[answer.position],
                    "predicted": answer.predicted,
                    "explained": answer.explained,
                    "kind": kind,
                    "rank": place + 1,
                    "train_id": train.ids[position],
                    "train_label": train.labels[position],
                    "score": float(ranked.scores[place]),
                    "tokens": _strongest_tokens(explainer, answer, ranked, place),
                }
            )
    return pa.Table.from_pylist(rows, SCHEMA)


def _strongest_tokens(explainer: Explainer, answer: Answer, ranked: Ranked, place: int) -> list[dict]:
    terms = ranked.terms[place]
    chosen = np.argsort(-np.abs(terms), kind="stable")[:STRONGEST_TOKENS]
    chosen = chosen[terms[chosen] != 0]
    names = explainer.checkpoints.tokenizer.convert_ids_to_tokens(answer.asked.tokens[chosen].tolist())
    return [{"token": name, "score": float(terms[slot])} for name, slot in zip(names, chosen, strict=True)]


def _traced(
    explainer: Explainer, split: Split, block: Sequence[int], label: LabelChoice
) -> tuple[list[TracedExample], list[str], list[str]]:
    checkpoints, rows, space = explainer.checkpoints, split.take(block), explainer.space
    said = explainer.predictions(split.name)
    predicted = [said.predicted[each] for each in block]
    if label == "given":
        numbers: Numbers = space.numbers(rows.targets)
        explained = list(rows.targets)
    else:
        choices = [explainer.task.choice(space, said.outputs[each], None) for each in block]
        numbers, explained = [each.number for each in choices], [each.name for each in choices]
    return checkpoints.trace(checkpoints.encode(rows), numbers), predicted, explained
