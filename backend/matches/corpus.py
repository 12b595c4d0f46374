"""What the training rows of a language model say: each text once, with the turns that say it."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from backend.data.conversation import Conversation
from backend.data.dataset import Split
from backend.matches.suffixes import END
from backend.matches.units import parts, symbols_of
from backend.progress import Progress, silent

TOOLS = "tools"
_NO_TURN = -1  # the number that tools have, which no turn says
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class Said:
    """A text of a row. ``turn``: the number of its turn, -1 of tools; ``learnt``: the model writes it."""

    text: str
    turn: int
    role: str
    learnt: bool


def texts_said(context: str, target: str) -> list[Said]:
    """What a row says, turn by turn, and then its tools, one JSON object on each line.

    ``context`` and ``target`` as `backend.data.conversation` keeps them.
    """
    conversation = Conversation.of(context, target)
    said = [Said(each.text, each.number, each.role, each.learnt) for each in conversation.shown]
    if conversation.tools:
        lines = (json.dumps(each, ensure_ascii=False) for each in conversation.tools)
        said.append(Said("\n".join(lines), _NO_TURN, TOOLS, False))
    return said


@dataclass(frozen=True)
class Corpus:
    """T different texts of U units, and P turns that say them.

    ``vocabulary``: every unit with a kind of white space behind it, sorted; ``symbols``: uint32 (U + T), of
    each unit its place in that, from 1, and `END` behind each text; ``begins``: int64 (T + 1), where texts
    begin. ``text``, ``row``, ``turn`` int32 and ``learnt`` bool (P): of each turn, in the order of the texts.
    """

    vocabulary: list[tuple[str, str]]
    symbols: np.ndarray
    begins: np.ndarray
    text: np.ndarray
    row: np.ndarray
    turn: np.ndarray
    learnt: np.ndarray


def read_corpus(split: Split, progress: Progress = silent) -> Corpus:
    """Read a split of rows for language models."""
    numbers: dict[str, int] = {}
    symbols, begins = array("I"), array("q", [0])
    known: dict[bytes, int] = {}  # digests: texts themselves would fill the memory
    turns = array("i")
    for place, said in _all_said(split, progress):
        mark = hashlib.blake2b(said.text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        text = known.setdefault(mark, len(known))
        if text == len(begins) - 1:
            symbols.extend(numbers.setdefault(each, len(numbers) + 1) for each in symbols_of(said.text))
            symbols.append(END)
            begins.append(len(symbols))
        turns.extend((text, place, said.turn, said.learnt))
    table = np.array(turns, dtype=np.int32).reshape(-1, 4)
    table = table[np.argsort(table[:, 0], kind="stable")]
    vocabulary, renumbered = sorted_vocabulary([parts(each) for each in numbers])
    return Corpus(
        vocabulary,
        renumbered[np.frombuffer(symbols, dtype=np.uint32)],
        np.array(begins, dtype=np.int64),
        table[:, 0],
        table[:, 1],
        table[:, 2],
        table[:, 3].astype(bool),
    )


def sorted_vocabulary(symbols: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], np.ndarray]:
    """The different symbols in order, and which of them each of the given ones is.

    Numbers from 1, uint32, behind one for `END`.
    """
    vocabulary = sorted(set(symbols))
    place = dict(zip(vocabulary, count(1), strict=False))
    return vocabulary, np.array([END, *(place[each] for each in symbols)], dtype=np.uint32)


def _all_said(split: Split, progress: Progress) -> Iterator[tuple[int, Said]]:
    """Everything that is said, with the 0-based place of its row."""
    examples = split.examples
    pairs = zip(examples.fields[0], examples.targets, strict=True)
    for place, (context, target) in enumerate(pairs):
        if place % _ROWS_AT_ONCE == 0:
            progress("reading rows", place, len(split))
        for said in texts_said(context, target):
            yield place, said
    progress("reading rows", len(split), len(split))
