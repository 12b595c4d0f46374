"""What the most similar other rows say: other labels, near-duplicates, contradictions.

Rows whose texts are equal up to case and white space are one group. Groups are searched, not rows: each is
one neighbour, however often it was copied, with one vote that is divided over its labels; a row's own copies
are not among its neighbours, so that a copied row can't vote for itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backend.data.equal_texts import equal_text_groups
from backend.progress import Progress, silent
from backend.scores.context import Context
from backend.scores.group_search import NEAR, GroupSearch
from backend.scores.groups import Groups
from backend.scores.neighbour_votes import APART, LabelVotes, NumberVotes, SetVotes, Votes
from backend.scores.repeats import repeat_columns
from backend.scores.score import CLASSIFICATION, LANGUAGE, Columns, Producer, Score
from backend.tasks.heads import CAUSAL_LM

NEIGHBOURS = 10
_WIDE = 64  # neighbours fetched; if all of them are near-duplicates, a further search gets the others
_BLOCK = 2048  # groups searched at a time
_STAGE = "neighbours"


def neighbour_scores(
    embeddings: np.ndarray,
    labels: np.ndarray,
    group_of: np.ndarray,
    k: int = NEIGHBOURS,
    progress: Progress = silent,
) -> dict[str, Any]:
    """`scan` for labels and groups int64 (n).

    ``knn_disagreement`` is over as many neighbours as the row's class has other groups, at most ``k``: else
    a rare class could never agree with itself; NaN where it has none. ``said`` is the label that most of the
    neighbours' similarity speaks for, -1 where no other row is similar at all.
    """
    found = scan(embeddings, LabelVotes(labels, group_of), k, progress)
    return {"knn_disagreement": found.pop("disagreement"), **found}


def scan(
    embeddings: np.ndarray, votes: Votes, k: int = NEIGHBOURS, progress: Progress = silent
) -> dict[str, Any]:
    """Seven arrays (n) and what was ``said``, from embeddings float32 (n, e) of unit norm.

    ``disagreement`` float64, as the votes count it, NaN where no other row is similar at all.
    ``nearest_similarity`` float64; ``near_duplicates`` int64. ``copy_of`` int64: the earliest row that says
    nearly the same, if that is nobody's copy itself, else the row's own position, so that one always stays.
    ``contradicted_by`` int64: the most similar near-duplicate with another target (its position), -1 where
    there is none; ``contradicting`` int64: how many near-duplicates have another target; ``contradiction``
    float64: their share of the near-duplicates times that similarity, else 0: of three copies, one of them
    labelled otherwise, that one has 1 and the two others .5.
    """
    groups, group_of = votes.groups, votes.group_of
    count = len(group_of)
    disagreement, nearest = np.full(count, np.nan), np.zeros(count)
    duplicates, contradicted_by = np.zeros(count, dtype=np.int64), np.full(count, -1, dtype=np.int64)
    contradiction, contradicting = np.zeros(count), np.zeros(count, dtype=np.int64)
    said: list[Any] = [None] * count
    earliest = np.arange(len(groups))
    search = GroupSearch(embeddings[groups.first], max(k, _WIDE))
    progress(_STAGE, 0, len(groups))
    for start in range(0, len(groups), _BLOCK):
        block = range(start, min(start + _BLOCK, len(groups)))
        similarities, found = search.nearest(block)
        rows = groups.rows(block)
        places = group_of[rows] - start
        near = similarities[places, :k].astype(np.float64)
        disagreement[rows] = votes.disagreement(rows, found[places, :k], near)
        heard = votes.said(found[:, :k], similarities[:, :k])
        for row, place in zip(rows.tolist(), places.tolist(), strict=True):
            said[row] = heard[place]
        nearest[rows] = np.where(groups.sizes[group_of[rows]] > 1, 1.0, _first(similarities)[places])
        for group, others, near in search.near(block, similarities, found):
            earliest[group] = min([group, *others.tolist()])
            duplicates_of = groups.sizes[group] - 1 + groups.sizes[others].sum()
            for same, differing, by, similarity in votes.against(group, others, near):
                duplicates[same], contradicting[same], contradicted_by[same] = duplicates_of, differing, by
                contradiction[same] = similarity * differing / max(duplicates_of, 1)
        progress(_STAGE, block.stop, len(groups))
    return {
        "disagreement": disagreement,
        "nearest_similarity": nearest,
        "near_duplicates": duplicates,
        "contradicted_by": contradicted_by,
        "contradicting": contradicting,
        "contradiction": contradiction,
        "copy_of": _kept_copies(groups, group_of, earliest),
        "said": said,
    }


def _kept_copies(groups: Groups, group_of: np.ndarray, earliest: np.ndarray) -> np.ndarray:
    """For every row the one that stays instead of it, or itself: int64 (n), from each group's earliest."""
    stays = np.where(earliest[earliest] == earliest, earliest, np.arange(len(earliest)))
    return groups.first[stays[group_of]]


def _first(similarities: np.ndarray) -> np.ndarray:
    """The largest similarity of each group, 0 where there is no other group."""
    return np.maximum(similarities[:, 0], 0) if similarities.shape[1] else np.zeros(len(similarities))


def _compute(context: Context) -> Columns:
    train, task = context.train, context.manifest.task.name
    if task == CAUSAL_LM:
        return repeat_columns(context.conversations, train.ids)
    found = scan(context.embeddings, _votes(context), progress=context.progress)
    against, copy_of = found.pop("contradicted_by").tolist(), found.pop("copy_of").tolist()
    said, disagreement = found.pop("said"), found.pop("disagreement")
    counts = zip(found.pop("contradicting").tolist(), found["near_duplicates"].tolist(), against, strict=True)
    return {
        **({_DISAGREEMENT[task]: disagreement} if task in _DISAGREEMENT else {}),
        **found,
        "contradiction_said": [
            _contradiction_said(count, of, train.ids[row], train.labels[row]) if count else ""
            for count, of, row in counts
        ],
        "contradicts": [train.ids[each] if each >= 0 else "" for each in against],
        "copy_of": [train.ids[each] if each != row else "" for row, each in enumerate(copy_of)],
        "neighbours_label": (named := _named(context, said)),
        "others_said": [
            f", mostly: {name}" if name and name != own else ", each its own"
            for name, own in zip(named, train.labels, strict=True)
        ],
        "first_said": [f", first row {train.ids[e]}" if e != r else "" for r, e in enumerate(copy_of)],
    }


_DISAGREEMENT = {
    "classification": "knn_disagreement",
    "multilabel": "set_disagreement",
    "regression": "number_disagreement",
}


def _named(context: Context, said: list[Any]) -> list[str]:
    """What the neighbours say as targets, "" where they say nothing."""
    if context.manifest.task.name == "classification":
        return [context.classes[each] if each >= 0 else "" for each in said]
    return [each if isinstance(each, str) else "" for each in said]


def _votes(context: Context) -> Votes:
    groups, task = equal_text_groups(context.train.examples), context.manifest.task.name
    if task == "multilabel":
        return SetVotes(context.space, context.targets, groups)
    if task == "regression":
        return NumberVotes(context.space, context.targets, groups)
    if task == "classification":
        return LabelVotes(context.labels, groups)
    _, codes = np.unique(np.array(context.train.labels, dtype=object), return_inverse=True)
    return LabelVotes(codes.reshape(-1).astype(np.int64), groups)


def _contradiction_said(count: int, of: int, row: str, label: str) -> str:
    if of == 1:
        return f"the one other row with nearly this text, {row}, is labelled {label}"
    return f"{count} of the {of} other rows with nearly this text have another label, such as {row}: {label}"


_COSINE = "cosine of sentence embeddings"

PRODUCER = Producer(
    name="neighbours",
    cost="sentence embeddings once; the search grows with the square of the rows (100,000: minutes); of "
    "conversations seconds",
    uses=("encoder",),
    compute=_compute,
    version=4,
    tasks=None,
    scores=(
        Score(
            "knn_disagreement",
            "neighbours disagree",
            "the most similar rows have other labels",
            "suspect label",
            "high",
            f"share of the up to {NEIGHBOURS} nearest rows with another label, weighted by {_COSINE}",
            "Cover & Hart 1967; Reimers & Gurevych 2019",
            "{knn_disagreement:.0%} of the most similar texts have another label",
            beyond=0.5,
            within_class=True,
            tasks=CLASSIFICATION,
        ),
        Score(
            "set_disagreement",
            "neighbours' label sets",
            "the most similar rows have other label sets",
            "suspect label",
            "high",
            f"mean Jaccard distance from the label sets of the {NEIGHBOURS} nearest rows, weighted by "
            f"{_COSINE}",
            "Cover & Hart 1967; Reimers & Gurevych 2019",
            "the most similar texts have other labels{others_said}",
            beyond=0.5,
            within_class=True,
            tasks=("multilabel",),
        ),
        Score(
            "number_disagreement",
            "neighbours' numbers",
            "the most similar rows have other numbers",
            "suspect label",
            "high",
            f"|y - mean of the {NEIGHBOURS} nearest rows, weighted by {_COSINE}| / standard deviation of y",
            "Cover & Hart 1967; Reimers & Gurevych 2019",
            "the most similar texts have {neighbours_label} on average",
            beyond=1.0,
            within_class=True,
            tasks=("regression",),
        ),
        Score(
            "contradiction",
            "contradiction",
            "rows with nearly the same text have another label (0: none has)",
            "suspect label",
            "high",
            f"share of the other rows with cosine >= {NEAR} or equal text that have another label, times the "
            "largest cosine with one of them (1 for an equal text); numbers are others where they are more "
            f"than {APART} standard deviations apart; of answers, share of the rows with an equal question "
            "that are answered otherwise (finds no question in other words)",
            "Abbas et al. 2023 (SemDeDup)",
            "{contradiction_said}",
            beyond=0.5,  # who is in the majority is not the suspect
            absolute=True,
        ),
        Score(
            "near_duplicates",
            "near-duplicates",
            "many rows say the same",
            "redundant",
            "high",
            f"number of other rows with cosine >= {NEAR} or equal text; of conversations, that have .8 of "
            "their runs of five words in common (finds no copy in other words)",
            "Abbas et al. 2023 (SemDeDup); Lee et al. 2022",
            "{near_duplicates} other row(s) say nearly the same{first_said}",
            beyond=0.0,
        ),
        Score(
            "nearest_similarity",
            "nearest neighbour",
            "another row says nearly the same",
            "redundant",
            "high",
            f"largest {_COSINE} with another row",
            "Tirumala et al. 2023 (D4)",
            "its nearest neighbour is {nearest_similarity:.2f} similar (1: the same)",
            but=LANGUAGE,
        ),
    ),
)
