"""What the most similar other rows say: other labels, near-duplicates, contradictions.

Rows whose texts are equal up to case and white space are one group. Groups are searched, not rows: each is
one neighbour, however often it was copied, with one vote that is divided over its labels; a row's own copies
are not among its neighbours, so that a copied row can't vote for itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from backend.data.equal_texts import equal_text_groups
from backend.progress import Progress, silent
from backend.scores.context import Context
from backend.scores.groups import Groups
from backend.scores.score import Columns, Producer, Score

NEIGHBOURS = 10
NEAR = 0.95  # cosine from which on rows are near-duplicates
_WIDE = 64  # neighbours fetched; if all of them are near-duplicates, a further search gets the others
_BLOCK = 2048  # groups searched at a time
_CROWDED_BLOCK = 128  # if all 100,000 rows were near-duplicates of each other, it would take 150 MB
_STAGE = "neighbours"


def neighbour_scores(
    embeddings: np.ndarray,
    labels: np.ndarray,
    group_of: np.ndarray,
    k: int = NEIGHBOURS,
    progress: Progress = silent,
) -> dict[str, np.ndarray]:
    """Seven arrays (n), from embeddings float32 (n, e) of unit norm, labels and groups int64 (n).

    ``knn_disagreement`` float64, over as many neighbours as the row's class has other groups, at most ``k``:
    else a rare class could never agree with itself; NaN where it has none, or no other row is similar at all.
    ``nearest_similarity`` float64; ``near_duplicates`` int64. ``copy_of`` int64: the earliest row that says
    nearly the same, if that is nobody's copy itself, else the row's own position, so that one always stays.
    ``contradicted_by`` int64: the most similar near-duplicate with another label (its position), -1 where
    there is none; ``contradicting`` int64: how many near-duplicates have another label; ``contradiction``
    float64: their share of the near-duplicates times that similarity, else 0: of three copies, one of them
    labelled otherwise, that one has 1 and the two others .5. ``said`` int64: the label
    that most of the neighbours' similarity speaks for, -1 where no other row is similar at all.
    """
    groups, count = Groups(group_of, labels), len(labels)
    disagreement, nearest = np.full(count, np.nan), np.zeros(count)
    duplicates, contradicted_by = np.zeros(count, dtype=np.int64), np.full(count, -1, dtype=np.int64)
    contradiction, contradicting = np.zeros(count), np.zeros(count, dtype=np.int64)
    said = np.full(count, -1, dtype=np.int64)
    earliest = np.arange(len(groups))
    search = _Search(embeddings[groups.first], max(k, _WIDE))
    progress(_STAGE, 0, len(groups))
    for start in range(0, len(groups), _BLOCK):
        block = range(start, min(start + _BLOCK, len(groups)))
        similarities, found = search.nearest(block)
        rows = groups.rows(block)
        places = group_of[rows] - start
        disagreement[rows] = _disagreement(
            groups, labels[rows], found[places, :k], similarities[places, :k].astype(np.float64), rows
        )
        said[rows] = _said(labels[groups.first[found[:, :k]]], similarities[:, :k])[places]
        nearest[rows] = np.where(groups.sizes[group_of[rows]] > 1, 1.0, _first(similarities)[places])
        for group, others, near in search.near(block, similarities, found):
            copies = groups.sizes[group]
            earliest[group] = min([group, *others.tolist()])
            for label, same in groups.by_label(group):
                duplicates[same] = copies - 1 + groups.sizes[others].sum()
                contradicting[same] = copies - len(same) + groups.with_another_label(others, label)
                contradicted_by[same], similarity = _contradiction(groups, label, group, others, near)
                contradiction[same] = similarity * contradicting[same] / np.maximum(duplicates[same], 1)
        progress(_STAGE, block.stop, len(groups))
    return {
        "knn_disagreement": disagreement,
        "nearest_similarity": nearest,
        "near_duplicates": duplicates,
        "contradicted_by": contradicted_by,
        "contradicting": contradicting,
        "contradiction": contradiction,
        "copy_of": _kept_copies(groups, group_of, earliest),
        "said": said,
    }


def _said(labels: np.ndarray, similarities: np.ndarray) -> np.ndarray:
    """The label with the largest sum of similarities of each row, -1 where all are 0 or less: int64 (B).

    From labels and similarities of its neighbours, both (B, k); of two that tie, the nearer one's.
    """
    if not labels.shape[1]:
        return np.full(len(labels), -1, dtype=np.int64)
    weights = np.maximum(similarities, 0).astype(np.float64)
    votes = ((labels[:, :, None] == labels[:, None, :]) * weights[:, None, :]).sum(axis=2)
    best = np.take_along_axis(labels, votes.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(votes.max(axis=1) > 0, best, -1)


def _kept_copies(groups: Groups, group_of: np.ndarray, earliest: np.ndarray) -> np.ndarray:
    """For every row the one that stays instead of it, or itself: int64 (n), from each group's earliest."""
    stays = np.where(earliest[earliest] == earliest, earliest, np.arange(len(earliest)))
    return groups.first[stays[group_of]]


def _disagreement(
    groups: Groups, labels: np.ndarray, others: np.ndarray, similarities: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Share of the neighbours' votes that go to other labels, weighted by similarity: float64 (rows).

    From labels (rows), neighbours and their similarities (rows, k), and which rows they are.
    """
    heard = np.arange(others.shape[1]) < groups.with_same_label(rows)[:, None]
    weights = np.maximum(similarities, 0) * heard
    against = 1 - groups.shares(others, labels[:, None])
    with np.errstate(invalid="ignore"):
        return (weights * against).sum(axis=1) / weights.sum(axis=1)


def _contradiction(
    groups: Groups, label: int, group: int, others: np.ndarray, similarities: np.ndarray
) -> tuple[int, float]:
    """The most similar row with another label among copies and near-duplicates, and how similar it is."""
    rows = groups.row_with_another_label(np.concatenate([[group], others]), label)
    place = int((rows >= 0).argmax())
    if rows[place] < 0:
        return -1, 0.0
    return int(rows[place]), 1.0 if place == 0 else float(similarities[place - 1])


def _first(similarities: np.ndarray) -> np.ndarray:
    """The largest similarity of each group, 0 where there is no other group."""
    return np.maximum(similarities[:, 0], 0) if similarities.shape[1] else np.zeros(len(similarities))


class _Search:
    """Cosines of one vector per group, float32 (G, e)."""

    def __init__(self, vectors: np.ndarray, wide: int) -> None:
        import faiss

        self._vectors, self._wide = vectors, min(wide + 1, len(vectors))
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(vectors)

    def nearest(self, block: range) -> tuple[np.ndarray, np.ndarray]:
        """Cosines and numbers of the most similar other groups, descending: float32 and int64 (B, wide)."""
        similarities, found = self._index.search(self._vectors[block.start : block.stop], self._wide)
        similarities[found == np.arange(block.start, block.stop)[:, None]] = -np.inf
        order = np.argsort(-similarities, axis=1, kind="stable")[:, : self._wide - 1]
        return np.take_along_axis(similarities, order, axis=1), np.take_along_axis(found, order, axis=1)

    def near(
        self, block: range, similarities: np.ndarray, found: np.ndarray
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Each group of a block with its near-duplicates, most similar first, and their cosines (m)."""
        is_near = similarities >= NEAR
        crowded = np.flatnonzero(is_near.all(axis=1)) if self._wide < len(self._vectors) else np.empty(0, int)
        for place in np.setdiff1d(np.arange(len(block)), crowded).tolist():
            yield block.start + place, found[place, is_near[place]], similarities[place, is_near[place]]
        for start in range(0, len(crowded), _CROWDED_BLOCK):
            yield from self._all_near(block.start + crowded[start : start + _CROWDED_BLOCK])

    def _all_near(self, groups: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        limits, similarities, found = self._index.range_search(self._vectors[groups], NEAR)
        for group, first, last in zip(groups.tolist(), limits, limits[1:], strict=False):
            others, near = found[first:last], similarities[first:last]
            order = np.argsort(-near, kind="stable")
            order = order[others[order] != group]
            yield group, others[order], near[order]


def _compute(context: Context) -> Columns:
    train = context.train
    groups = equal_text_groups(train.examples)
    found = neighbour_scores(context.embeddings, context.labels, groups, progress=context.progress)
    against, copy_of = found.pop("contradicted_by").tolist(), found.pop("copy_of").tolist()
    said = found.pop("said").tolist()
    counts = zip(found.pop("contradicting").tolist(), found["near_duplicates"].tolist(), against, strict=True)
    return {
        **found,
        "contradiction_said": [
            _contradiction_said(count, of, train.ids[row], train.labels[row]) if count else ""
            for count, of, row in counts
        ],
        "contradicts": [train.ids[each] if each >= 0 else "" for each in against],
        "copy_of": [train.ids[each] if each != row else "" for row, each in enumerate(copy_of)],
        "neighbours_label": [context.classes[each] if each >= 0 else "" for each in said],
        "first_said": [f", first row {train.ids[e]}" if e != r else "" for r, e in enumerate(copy_of)],
    }


def _contradiction_said(count: int, of: int, row: str, label: str) -> str:
    if of == 1:
        return f"the one other row with nearly this text, {row}, is labelled {label}"
    return f"{count} of the {of} other rows with nearly this text have another label, such as {row}: {label}"


_COSINE = "cosine of sentence embeddings"

PRODUCER = Producer(
    name="neighbours",
    cost="sentence embeddings once; the search grows with the square of the rows (100,000: minutes)",
    uses=("encoder",),
    compute=_compute,
    version=3,
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
        ),
        Score(
            "contradiction",
            "contradiction",
            "rows with nearly the same text have another label (0: none has)",
            "suspect label",
            "high",
            f"share of the other rows with cosine >= {NEAR} or equal text that have another label, times the "
            "largest cosine with one of them (1 for an equal text)",
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
            f"number of other rows with cosine >= {NEAR} or equal text",
            "Abbas et al. 2023 (SemDeDup)",
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
        ),
    ),
)
