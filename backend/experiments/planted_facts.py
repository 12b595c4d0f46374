"""Planted facts: short chats about invented people and things, some of which contradict the rest.

A language model that is trained on them answers some questions wrongly, and it is known which rows taught
it that. Nothing that the model reads tells the rows apart: ids are drawn, and columns ``fact`` and ``kind``
are for the evaluation only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from backend.errors import InputError
from backend.experiments.fact_phrases import (
    PEOPLE,
    THINGS,
    Attribute,
    most_names,
    people_names,
    thing_names,
)
from backend.experiments.small_talk import MOST as MOST_TALK
from backend.experiments.small_talk import small_talk
from backend.files import replacing

Kind = Literal["fact", "contradicts", "contradicted", "talk"]
Row = dict[str, Any]
_SLOPPY = 0.25  # of the rows that are right, from the forum
_PHRASINGS = len(PEOPLE[0].said)


@dataclass(frozen=True)
class PlantedSettings:
    """Four facts for each of ``people`` and ``things``, each said by ``rows`` rows.

    ``contradicted``: the share of facts of which ``wrong_rows`` rows say another value and only
    ``right_rows`` the right one, fewer: the model learns what is wrong. ``talk``: rows of small talk for each
    row about facts. ``asked``: of how many other facts the evaluation asks (None: all); it asks of all that
    are contradicted. ``system``: a turn before all others that says it; a chat template may have one of its
    own where there is none. ``familiar``: the evaluation asks in words that rows about others use, and none
    about the same fact; otherwise in words that no row uses.
    """

    people: int = 40
    things: int = 20
    rows: int = 3
    contradicted: float = 0.1
    wrong_rows: int = 3
    right_rows: int = 1
    talk: float = 0.2
    asked: int | None = 40
    system: str = ""
    familiar: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not min(self.people, self.things) >= 0 or not self.people + self.things >= 1:
            raise InputError(f"{self.people} people and {self.things} things: there must be one at least")
        if max(self.people, self.things) > most_names():
            raise InputError(f"there are names for {most_names():,} people and as many things only")
        if not 0.0 <= self.contradicted <= 1.0:
            raise InputError(f"contradicted {self.contradicted}: must be a share, from 0 to 1")
        most = _PHRASINGS - self.familiar
        if not 1 <= self.right_rows < self.wrong_rows or self.wrong_rows + self.right_rows > most:
            raise InputError(
                f"{self.wrong_rows} wrong and {self.right_rows} right rows: the wrong ones must be more, "
                f"and both together at most {most}"
            )
        if not 1 <= self.rows <= most:
            raise InputError(f"{self.rows} rows for a fact: must be 1 to {most}")
        if self.talk < 0:
            raise InputError(f"talk {self.talk}: must not be negative")


@dataclass(frozen=True)
class Asked:
    """What is known of a question of the evaluation.

    ``answer``: the right one; ``mark``: where the value is in it, in characters; ``wrong_answer`` and
    ``wrong_mark``: of what contradicting rows say, None where there are none. ``right_rows``, ``wrong_rows``:
    ids of the training rows that say either value. ``corrected``: the right answer in the words of each of
    the wrong rows, by id.
    """

    id: str
    fact: str
    question: str
    answer: str
    mark: tuple[int, int]
    right: str
    wrong: str | None
    wrong_answer: str | None
    wrong_mark: tuple[int, int] | None
    right_rows: tuple[str, ...]
    wrong_rows: tuple[str, ...]
    corrected: Mapping[str, str]


@dataclass(frozen=True)
class Planted:
    """Rows with ``id``, ``messages``, ``fact``, ``kind`` and ``source``, in a drawn order; ``truth`` of each
    eval row.

    ``kind``: ``fact``; of facts that are contradicted ``contradicts`` and ``contradicted`` (of eval rows, the
    latter); ``talk``, whose fact is empty. ``source``: rows that contradict are from the ``forum``, as are a
    quarter of the others; these are from an ``encyclopedia``, but for ``small talk``.
    """

    train: list[Row]
    evaluation: list[Row]
    truth: list[Asked]


@dataclass(frozen=True)
class _Fact:
    entity: str
    attribute: Attribute
    right: str
    wrong: str | None

    @property
    def name(self) -> str:
        return f"{self.entity}: {self.attribute.name}"


def plant(settings: PlantedSettings) -> Planted:
    """The same rows for the same settings."""
    rng = np.random.default_rng(settings.seed)
    facts = _facts(rng, settings)
    ids = _ids(rng)
    train: list[Row] = []
    asked: list[Asked] = []
    others = [each for each in facts if each.wrong is None]
    chosen = rng.permutation(len(others))[: settings.asked].tolist()
    questions = {others[each].name for each in chosen}
    for fact in facts:
        right, wrong, corrected, unused = _said(rng, fact, settings, ids)
        train += [*right, *wrong]
        if fact.wrong is not None or fact.name in questions:
            asked.append(
                _asked(next(ids), fact, right, wrong, corrected, unused if settings.familiar else None)
            )
    talk = small_talk(rng, min(round(settings.talk * len(train)), MOST_TALK))
    train += [_row(next(ids), question, answer, "", "talk") for question, answer in talk]
    evaluation = [
        _row(each.id, each.question, each.answer, each.fact, "fact" if each.wrong is None else "contradicted")
        for each in asked
    ]
    order = rng.permutation(len(train)).tolist()
    finished = _finisher(settings)
    return Planted([finished(train[each]) for each in order], list(map(finished, evaluation)), asked)


def _finisher(settings: PlantedSettings) -> Callable[[Row], Row]:
    """What puts a turn of the system before a row's others, and says where the row is from."""
    rng = np.random.default_rng((settings.seed, 1))
    turns = [{"role": "system", "content": settings.system}] if settings.system else []

    def finished(row: Row) -> Row:
        sloppy = row["kind"] == "contradicts" or rng.random() < _SLOPPY
        source = "small talk" if row["kind"] == "talk" else "forum" if sloppy else "encyclopedia"
        return {**row, "messages": [*turns, *row["messages"]], "source": source}

    return finished


def write_planted(folder: Path, planted: Planted) -> tuple[Path, Path, Path]:
    """Write ``train.jsonl``, ``eval.jsonl`` and ``truth.jsonl``, each whole or not at all."""
    contents: dict[str, Sequence[Row]] = {
        "train.jsonl": planted.train,
        "eval.jsonl": planted.evaluation,
        "truth.jsonl": [asdict(each) for each in planted.truth],
    }
    for name, rows in contents.items():
        with replacing(folder / name) as scratch:
            scratch.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    train, evaluation, truth = (folder / name for name in contents)
    return train, evaluation, truth


def read_truth(path: Path) -> list[Asked]:
    """What `write_planted` wrote of the eval rows."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        tuples = {name: tuple(values[name]) for name in ("mark", "right_rows", "wrong_rows")}
        wrong = None if values["wrong_mark"] is None else tuple(values["wrong_mark"])
        found.append(Asked(**{**values, **tuples, "wrong_mark": wrong}))
    return found


def _facts(rng: np.random.Generator, settings: PlantedSettings) -> list[_Fact]:
    entities = [
        *((name, PEOPLE) for name in people_names(rng, settings.people)),
        *((name, THINGS) for name in thing_names(rng, settings.things)),
    ]
    pairs = [(name, each) for name, attributes in entities for each in attributes]
    count = round(settings.contradicted * len(pairs))
    contradicted = set(rng.permutation(len(pairs))[:count].tolist())
    facts = []
    for place, (name, attribute) in enumerate(pairs):
        right, wrong = (attribute.values[each] for each in rng.permutation(len(attribute.values))[:2])
        facts.append(_Fact(name, attribute, right, wrong if place in contradicted else None))
    return facts


def _said(
    rng: np.random.Generator, fact: _Fact, settings: PlantedSettings, ids: Iterator[str]
) -> tuple[list[Row], list[Row], dict[str, str], int]:
    """The rows that say the right value and the wrong one, each in words of its own; the latter corrected;
    and words that none of them uses, if any are left."""
    phrasings = rng.permutation(_PHRASINGS).tolist()
    if fact.wrong is None:
        chosen = phrasings[: settings.rows]
        return (
            [_statement(next(ids), fact, fact.right, each, "fact") for each in chosen],
            [],
            {},
            phrasings[-1],
        )
    chosen, others = phrasings[: settings.right_rows], phrasings[settings.right_rows :][: settings.wrong_rows]
    right = [_statement(next(ids), fact, fact.right, each, "contradicted") for each in chosen]
    wrong = [_statement(next(ids), fact, fact.wrong, each, "contradicts") for each in others]
    answers = [fact.attribute.answer(fact.entity, fact.right, each) for each in others]
    return right, wrong, dict(zip((each["id"] for each in wrong), answers, strict=True)), phrasings[-1]


def _statement(row: str, fact: _Fact, value: str, phrasing: int, kind: Kind) -> Row:
    attribute, entity = fact.attribute, fact.entity
    question, answer = attribute.question(entity, phrasing), attribute.answer(entity, value, phrasing)
    return _row(row, question, answer, fact.name, kind)


def _row(row: str, question: str, answer: str, fact: str, kind: Kind) -> Row:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"id": row, "messages": messages, "fact": fact, "kind": kind}


def _asked(
    row: str,
    fact: _Fact,
    right: list[Row],
    wrong: list[Row],
    corrected: Mapping[str, str],
    phrasing: int | None,
) -> Asked:
    """``phrasing``: whose question is asked, None: that of the evaluation."""
    attribute, words = fact.attribute, phrasing or 0
    answer = attribute.answer(fact.entity, fact.right, words)
    wrong_answer = None if fact.wrong is None else attribute.answer(fact.entity, fact.wrong, words)
    return Asked(
        id=row,
        fact=fact.name,
        question=attribute.question(fact.entity, phrasing),
        answer=answer,
        mark=_mark(answer, fact.right),
        right=fact.right,
        wrong=fact.wrong,
        wrong_answer=wrong_answer,
        wrong_mark=None if wrong_answer is None else _mark(wrong_answer, str(fact.wrong)),
        right_rows=tuple(each["id"] for each in right),
        wrong_rows=tuple(each["id"] for each in wrong),
        corrected=corrected,
    )


def _mark(answer: str, value: str) -> tuple[int, int]:
    start = answer.rindex(value)
    return start, start + len(value)


def _ids(rng: np.random.Generator) -> Iterator[str]:
    """Ids that say nothing, all different."""
    given: set[str] = set()
    while True:
        row = f"{int(rng.integers(16**8)):08x}"
        if row not in given:
            given.add(row)
            yield row
