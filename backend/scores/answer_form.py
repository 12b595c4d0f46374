"""How the answers of a language model's rows are written: ends, beginnings, scripts, marks of a template.

Each is held against the other answers of the data: what most of them do is no fault.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np

from backend.data.conversation import Conversation

_JOINS = frozenset(",;:-–—(&/+=<")
"""Signs behind which a sentence goes on."""
_FEW_WORDS = 3  # shorter answers need no end: a name, a number
_COMMON_MARK = 0.2  # of the rows: a mark that as many have is how they are written
_LETTERS = 3  # fewer tell of no script
_MARKS = re.compile(
    r"<\|[^|<>\s]{1,40}\|>"
    r"|</?s>|\[/?INST\]|<</?SYS>>|</?(?:start|end)_of_turn>|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS)\]"
    r"|^\#{2,3}\ *(?:Instruction|Response|Input|Human|Assistant|User|System)\b:?"
    r"|^(?:Human|Assistant|User|System|AI|Bot|user|assistant|system)\ *:(?=\s|$)",
    re.MULTILINE,
)
_OPENINGS = {"Lu": "a capital", "Ll": "a small letter", "Nd": "a digit"}


def last_answer(row: Conversation) -> str:
    """The last text that is learnt, "" where none is."""
    return next((each.text for each in reversed(row.shown) if each.learnt), "")


def first_answer(row: Conversation) -> str:
    """The first one."""
    return next((each.text for each in row.shown if each.learnt), "")


def answers(row: Conversation) -> str:
    """All that is learnt, one text below the other."""
    return "\n".join(each.text for each in row.shown if each.learnt)


def ends(text: str) -> bool:
    """Whether a text ends as sentences, lists or code do, or is too short to need an end."""
    if len(text.split()) < _FEW_WORDS:
        return True
    last = text.rstrip()[-1]
    return unicodedata.category(last)[0] in "PS" and last not in _JOINS


def unfinished(rows: Sequence[Conversation]) -> np.ndarray:
    """Where the last answer has no end, the share of the other rows' that have one, else 0: float64 (n)."""
    ended = np.array([ends(last_answer(each)) for each in rows], dtype=bool)
    share = (ended.sum() - ended) / max(len(rows) - 1, 1)
    return np.where(ended, 0.0, share)


def template_marks(rows: Sequence[Conversation], special: Collection[str] = ()) -> list[list[str]]:
    """Marks of a chat template that are typed as text in any turn of each row, but those that many have.

    ``special``: further texts that mean something to the template.
    """
    exact = [re.escape(each) for each in special if each and not _MARKS.fullmatch(each)]
    more = re.compile("|".join(exact)) if exact else None
    found = []
    for row in rows:
        texts = [each.text for each in row.shown]
        marks = {each.group().strip() for text in texts for each in _MARKS.finditer(text)}
        if more is not None:
            marks |= {each.group() for text in texts for each in more.finditer(text)}
        found.append(sorted(marks))
    held = Counter(mark for marks in found for mark in marks)
    most = max(_COMMON_MARK * len(rows), 1)
    return [[mark for mark in marks if held[mark] <= most] for marks in found]


def opening(text: str) -> str:
    """What a text begins with: a kind of letter, or the very sign."""
    first = text.lstrip()[:1]
    kind = unicodedata.category(first) if first else ""
    return _OPENINGS.get(kind, "a letter" if kind[:1] == "L" else first)


def odd_openings(rows: Sequence[Conversation]) -> tuple[np.ndarray, list[str]]:
    """The share of the other rows whose first answer begins otherwise, float64 (n), and how each begins."""
    begins = [opening(first_answer(each)) for each in rows]
    counts = Counter(begins)
    return np.array([(len(rows) - counts[each]) / max(len(rows) - 1, 1) for each in begins]), begins


@lru_cache(maxsize=1 << 16)
def script_of(letter: str) -> str:
    """The script of a letter by its Unicode name, such as ``Latin``; "" of what is none. Chinese, Japanese
    and Korean signs of words count as ``CJK``, also syllables beside them."""
    if not letter.isalpha():
        return ""
    name = unicodedata.name(letter, "").split()
    first = name[0] if name else ""
    return "CJK" if first in ("CJK", "HIRAGANA", "KATAKANA") else first.capitalize()


def other_scripts(rows: Sequence[Conversation]) -> tuple[np.ndarray, list[str], str]:
    """Of the letters of each row's answers the share of another script than most letters of all answers,
    float64 (n), which one that is, and the script of most.

    0 where fewer than three letters are of another one.
    """
    counts = [Counter(script_of(each) for each in answers(row)) for row in rows]
    total: Counter[str] = Counter()
    for each in counts:
        del each[""]
        total.update(each)
    main = max(total, key=lambda name: (total[name], name), default="")
    shares, named = np.zeros(len(rows)), [""] * len(rows)
    for place, each in enumerate(counts):
        others = {name: count for name, count in each.items() if name != main}
        foreign = sum(others.values())
        if foreign >= _LETTERS:
            shares[place] = foreign / sum(each.values())
            named[place] = max(others, key=lambda name: (others[name], name))
    return shares, named, main


def far_from_middle(counts: np.ndarray) -> np.ndarray:
    """How far lengths are from the middle one: |log2 n - median| / (1.4826 MAD), float64 (n).

    After Iglewicz & Hoaglin 1993; NaN where a row has nothing. A spread below half a doubling counts
    as that, so that where nearly all are equally long a word more is nothing odd.
    """
    logs = np.log2(np.where(counts > 0, counts, np.nan))
    known = logs[np.isfinite(logs)]
    if not len(known):
        return logs
    middle = np.median(known)
    spread = max(1.4826 * float(np.median(np.abs(known - middle))), _LEAST_SPREAD)
    return np.abs(logs - middle) / spread


_LEAST_SPREAD = 0.5
