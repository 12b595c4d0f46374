"""Rows of a language model that repeat each other, or answer the same question otherwise.

By letters, not by meaning: questions about different people or numbers are nearly the same to an embedding.
Near-duplicates share most of their runs of words (Lee et al. 2022, "Deduplicating Training Data Makes
Language Models Better"); all pairs are found, not a sample of them, since two sets of such overlap share one
of the rarest members of either (prefix filtering, Chaudhuri et al. 2006).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from backend.data.conversation import Conversation
from backend.data.equal_texts import normalised
from backend.data.messages import shown_label
from backend.scores.score import Columns

RUN = 5
"""Words of a run."""
NEAR = Fraction(4, 5)
"""Share of the runs of two rows that both have, from which on they are near-duplicates."""
_SENTENCE_MARKS = " .!?…。！？"

Question = tuple[tuple[str, str], ...]


def question_of(row: Conversation) -> Question:
    """What is read, turn by turn with its role, equal up to case, white space and the marks that end it.

    Empty where nothing is.
    """
    turns = [(each.role, _bare(each.text)) for each in row.shown if not each.learnt]
    return tuple(turns) if any(text for _, text in turns) else ()


def answer_of(row: Conversation) -> tuple[str, ...]:
    """What is learnt, in the same form."""
    return tuple(_bare(each.text) for each in row.shown if each.learnt)


@dataclass(frozen=True)
class Asked:
    """How many ``others`` have a row's question; how many of these are ``differing`` in their answer, and the
    first such row, ``by`` (-1: none)."""

    others: int
    differing: int
    by: int


def same_questions(rows: Sequence[Conversation]) -> list[Asked]:
    """For every row, the other rows with its question."""
    places: defaultdict[Question, list[int]] = defaultdict(list)
    answers = [answer_of(each) for each in rows]
    for place, row in enumerate(rows):
        if question := question_of(row):
            places[question].append(place)
    found = [Asked(0, 0, -1)] * len(rows)
    for group in places.values():
        said = Counter(answers[each] for each in group)
        first: dict[tuple[str, ...], int] = {}
        for each in group:
            first.setdefault(answers[each], each)
        for place in group:
            own = answers[place]
            by = next((each for answer, each in first.items() if answer != own), -1)
            found[place] = Asked(len(group) - 1, len(group) - said[own], by)
    return found


@dataclass(frozen=True)
class Copies:
    """Of every row: how many others are its ``near`` duplicates or equal, the ``first`` of them and itself,
    and the first that is ``equal`` in all texts but for case and white space, itself where there is none."""

    near: list[int]
    first: list[int]
    equal: list[int]


def copies(rows: Sequence[Conversation]) -> Copies:
    """Rows that say the same, or nearly."""
    numbers: dict[tuple[str, ...], int] = {}
    members: list[list[int]] = []
    group_of = []
    for place, row in enumerate(rows):
        key = tuple(normalised(each.text) for each in row.shown)
        number = numbers.setdefault(key, len(members))
        if number == len(members):
            members.append([])
        members[number].append(place)
        group_of.append(number)
    near = [len(each) - 1 for each in members]
    first = [each[0] for each in members]
    for one, other in near_pairs([runs(" ".join(key)) for key in numbers]):
        near[one] += len(members[other])
        near[other] += len(members[one])
        earliest = min(members[one][0], members[other][0])
        first[one], first[other] = min(first[one], earliest), min(first[other], earliest)
    return Copies(
        [near[each] for each in group_of],
        [first[each] for each in group_of],
        [members[each][0] for each in group_of],
    )


def runs(text: str) -> np.ndarray:
    """Hashes of its runs of `RUN` words, of all of it where it is shorter: int64, each once, ascending."""
    words = text.split()
    found = {hash(" ".join(words[at : at + RUN])) for at in range(max(len(words) - RUN + 1, 1))}
    return np.array(sorted(found), dtype=np.int64)


def near_pairs(sets: Sequence[np.ndarray]) -> Iterator[tuple[int, int]]:
    """Places of the pairs of sets, as `runs` gives them, with |both| / |either| >= `NEAR`, each once."""
    known, counts = np.unique(np.concatenate([*sets, np.zeros(0, np.int64)]), return_counts=True)
    holding: defaultdict[int, list[int]] = defaultdict(list)
    for place, some in enumerate(sets):
        least = math.ceil(NEAR * len(some))  # two such sets share as many of these at least
        order = np.lexsort((some, counts[np.searchsorted(known, some)]))
        rarest = some[order[: len(some) - least + 1]].tolist()
        for other in sorted({each for run in rarest for each in holding[run]}):
            both = len(np.intersect1d(some, sets[other], assume_unique=True))
            if both >= NEAR * (len(some) + len(sets[other]) - both):
                yield other, place
        for run in rarest:
            holding[run].append(place)


def repeat_columns(rows: Sequence[Conversation], ids: Sequence[str]) -> Columns:
    """Columns about contradictions and near-duplicates, as `backend.scores.producers.neighbours` names them.

    ``copy_of`` names equal rows only: of facts, rows that are nearly the same can both be needed.
    """
    asked, found = same_questions(rows), copies(rows)
    return {
        "contradiction": np.array([each.differing / max(each.others, 1) for each in asked]),
        "contradiction_said": [_said(each, rows, ids) if each.differing else "" for each in asked],
        "contradicts": [ids[each.by] if each.by >= 0 else "" for each in asked],
        "near_duplicates": np.array(found.near, dtype=np.int64),
        "copy_of": [ids[each] if each != row else "" for row, each in enumerate(found.equal)],
        "first_said": [
            f", first row {ids[each]}" if each != row else "" for row, each in enumerate(found.first)
        ],
    }


def _said(asked: Asked, rows: Sequence[Conversation], ids: Sequence[str]) -> str:
    other = shown_label(" / ".join(each.text for each in rows[asked.by].shown if each.learnt), 80)
    if asked.others == 1:
        return f"same question, another answer: row {ids[asked.by]} says “{other}”"
    return (
        f"same question, another answer: {asked.differing} of {asked.others} other rows, such as "
        f"{ids[asked.by]}: “{other}”"
    )


def _bare(text: str) -> str:
    return normalised(text).rstrip(_SENTENCE_MARKS)
