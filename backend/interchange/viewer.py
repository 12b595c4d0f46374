"""Answers in the JSON Lines of the pretraining-tda viewer (Chang et al. 2024): a line for each query, with
the texts, ids and scores of its proponents and opponents."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.data.conversation import Conversation
from backend.data.conversation_text import readable
from backend.data.dataset import Split
from backend.data.json_records import json_records
from backend.data.messages import shown_name
from backend.data.stream import open_source, size_limit
from backend.errors import InputError
from backend.files import replacing
from backend.influence.answers.explain import Explainer
from backend.influence.answers.many import (
    Answer,
    LabelChoice,
    all_answers,
    answers,
    asked_mode,
    require_new,
)
from backend.influence.answers.ranking import Ranked
from backend.influence.index.modes import score_mode
from backend.progress import Progress, silent

ENDINGS = (".jsonl",)
_BETWEEN = " || "  # the two texts of a pair
_ENDS = (
    ("proponents", "proponent_ids", "proponent_scores"),
    ("opponents", "opponent_ids", "opponent_scores"),
)


@dataclass(frozen=True)
class Listed:
    """What a line says of a query: ``target`` is what was explained; ids, the strongest first, of both ends
    (``opponents`` None where the method has none)."""

    where: str
    id: str | None
    inputs: str
    target: str
    proponents: tuple[str, ...]
    opponents: tuple[str, ...] | None


def write_viewer(
    explainer: Explainer,
    split: Split,
    out: Path,
    *,
    label: LabelChoice,
    score: str,
    k: int,
    progress: Progress = silent,
) -> int:
    """Write the rankings of all rows of a split; returns their number. `InputError` as `write_answers`."""
    mode, train = asked_mode(score, label, k), explainer.splits["train"]
    require_new(out)
    with replacing(out) as temporary, temporary.open("w", encoding="utf-8") as file:
        for answer in all_answers(explainer, split, label, mode, k, progress):
            line = _line(split, train, answer, mode.name)
            file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
    return len(split)


def _line(split: Split, train: Split, answer: Answer, score: str) -> dict[str, Any]:
    at = answer.position
    inputs, given = _texts(split, at)
    return {
        "example_id": split.ids[at],
        "query_set": split.name,
        "inputs_plaintext": inputs,
        "targets_plaintext": given if split.examples.reading is not None else answer.explained,
        "method": f"firstword we {score}",
        **_end(train, answer.ranking.proponents, _ENDS[0]),
        **_end(train, answer.ranking.opponents, _ENDS[1]),
    }


def _end(train: Split, ranked: Ranked, names: tuple[str, str, str]) -> dict[str, Any]:
    places = ranked.positions.tolist()
    texts = [_whole(train, each) for each in places]
    return dict(
        zip(
            names,
            (texts, [train.ids[each] for each in places], [float(s) for s in ranked.scores]),
            strict=True,
        )
    )


def _texts(split: Split, at: int) -> tuple[str, str]:
    """What is read and what is given of a row, as a person reads them."""
    texts = split.texts_of(at)
    if split.examples.reading is None:
        return _BETWEEN.join(texts), split.labels[at]
    conversation = Conversation.of(texts[0], split.labels[at])
    return readable(conversation, "read"), readable(conversation, "learnt")


def _whole(train: Split, at: int) -> str:
    inputs, given = _texts(train, at)
    if train.examples.reading is None:
        return f"{inputs} [{given}]"
    return readable(Conversation.of(train.texts_of(at)[0], train.labels[at]))


def read_viewer(source: str) -> list[Listed]:
    """The queries of a file that any tool wrote; `InputError` naming the line of what is none."""
    name, path = shown_name(source), Path(source).expanduser()
    if not path.is_file():
        raise InputError(f"{name}: no such file; give JSON Lines with inputs_plaintext and proponent_ids")
    found = []
    with open_source(path, name, size_limit()) as stream:
        unit, records = json_records(stream, name)
        for number, record in records:
            if isinstance(record, ValueError):
                raise InputError(f"{name}, {unit} {number}: {record}; correct it")
            found.append(_listed(f"{name}, {unit} {number}", record))
    if not found:
        raise InputError(f"{name}: is empty; each line is a query with inputs_plaintext and proponent_ids")
    return found


def _listed(where: str, record: Mapping[str, Any]) -> Listed:
    for key in ("inputs_plaintext", "targets_plaintext"):
        if not isinstance(record.get(key), str):
            raise InputError(f"{where}: {key} is no text")
    proponents, opponents = (_ids(where, record, *names[1:]) for names in _ENDS)
    if proponents is None:
        raise InputError(f"{where}: there are no proponent_ids")
    row = record.get("example_id")
    return Listed(
        where,
        None if row is None else str(row),
        record["inputs_plaintext"],
        record["targets_plaintext"],
        proponents,
        opponents,
    )


def _ids(where: str, record: Mapping[str, Any], ids: str, scores: str) -> tuple[str, ...] | None:
    """The ids of one end; by their scores the strongest first, where there are scores."""
    found = record.get(ids)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(each, str | int) for each in found):
        raise InputError(f"{where}: {ids} is no list of ids")
    named = [str(each) for each in found]
    values = record.get(scores)
    if values is None:
        return tuple(dict.fromkeys(named))
    if not isinstance(values, list) or len(values) != len(named):
        raise InputError(f"{where}: {ids} and {scores} are not equally many")
    if not all(isinstance(each, int | float) and math.isfinite(each) for each in values):
        raise InputError(f"{where}: {scores} holds what is no number")
    sign = -1.0 if scores == "proponent_scores" else 1.0
    order = sorted(range(len(named)), key=lambda at: sign * values[at])
    return tuple(dict.fromkeys(named[at] for at in order))


@dataclass(frozen=True)
class Overlap:
    """A file's lists beside ours. ``queries``: that could be compared; ``proponents``, ``opponents``: mean
    share of its first ``k`` ids that are among our first k (None without opponents); ``strangers``: share of
    its ids that no training row has; ``left_out``: queries by why they were left out."""

    queries: int
    k: int
    proponents: float
    opponents: float | None
    strangers: float
    left_out: Mapping[str, int]

    def lines(self) -> list[str]:
        """For a person."""
        ends = [f"proponents {self.proponents:.3f}"]
        ends += [] if self.opponents is None else [f"opponents {self.opponents:.3f}"]
        said = [f"{self.queries:,} queries, share of the first {self.k} that is in ours: {', '.join(ends)}"]
        said += [f"{self.strangers:.1%} of the ids are of no training row"] if self.strangers else []
        return said + [f"{n:,} queries left out: {why}" for why, n in self.left_out.items() if n]


def overlap(
    explainer: Explainer, listed: Sequence[Listed], *, score: str, k: int, progress: Progress = silent
) -> Overlap:
    """Compare with our rankings of the same queries for the same target; `InputError` where there is none.

    A query is a row of either split, known by ``example_id`` and its text, and explained for its given or its
    predicted label.
    """
    if k < 1:
        raise InputError(f"-k {k}: must be at least 1")
    left_out = {
        "no row here has this id and text": 0,
        "explained for neither the given nor the predicted label": 0,
    }
    groups: dict[tuple[str, LabelChoice], list[tuple[int, Listed]]] = {}
    for each in listed:
        found = _row_of(explainer, each)
        if found is None:
            left_out["no row here has this id and text"] += 1
            continue
        choice = _choice(explainer, *found, each.target)
        if choice is None:
            left_out["explained for neither the given nor the predicted label"] += 1
            continue
        groups.setdefault((found[0].name, choice), []).append((found[1], each))
    if not groups:
        raise InputError(
            "no query of the file can be compared: "
            + "; ".join(f"{n:,} {w}" for w, n in left_out.items() if n)
        )
    pairs = list(_pairs(explainer, groups, score, k, progress))
    train = explainer.splits["train"]
    ids = [row for each, _ in pairs for row in (*each.proponents[:k], *(each.opponents or ())[:k])]
    opponents = [_share(each.opponents[:k], ours.opponents, train) for each, ours in pairs if each.opponents]
    return Overlap(
        len(pairs),
        k,
        _mean(
            [_share(each.proponents[:k], ours.proponents, train) for each, ours in pairs if each.proponents]
        )
        or 0.0,
        _mean(opponents),
        sum(not train.has(each) for each in ids) / len(ids) if ids else 0.0,
        left_out,
    )


def _pairs(
    explainer: Explainer,
    groups: Mapping[tuple[str, LabelChoice], list[tuple[int, Listed]]],
    score: str,
    k: int,
    progress: Progress,
) -> Iterator[tuple[Listed, Any]]:
    total, done = sum(map(len, groups.values())), 0
    for (name, choice), of in groups.items():
        split = explainer.splits[name]  # type: ignore[index]
        made = answers(explainer, split, [at for at, _ in of], choice, score_mode(score), k)
        for (_, each), answer in zip(of, made, strict=True):
            done += 1
            progress("comparing", done, total)
            yield each, answer.ranking


def _row_of(explainer: Explainer, listed: Listed) -> tuple[Split, int] | None:
    for split in (explainer.splits["eval"], explainer.splits["train"]):
        if listed.id is not None and split.has(listed.id):
            at = split.position(listed.id)
            if _texts(split, at)[0] == listed.inputs:
                return split, at
    return None


def _choice(explainer: Explainer, split: Split, at: int, target: str) -> LabelChoice | None:
    if split.examples.reading is not None:
        return "given" if target == _texts(split, at)[1] else None
    if target == split.labels[at]:
        return "given"
    return "predicted" if target == explainer.predictions(split.name).predicted[at] else None


def _share(theirs: Sequence[str], ours: Ranked, train: Split) -> float:
    known = {train.ids[each] for each in ours.positions.tolist()}
    return sum(each in known for each in theirs) / len(theirs)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
