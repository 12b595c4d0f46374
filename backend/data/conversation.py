"""What a language model reads and writes in one row: turns in order, some of which it learns to write.

Every row is kept as two texts (D-150). The *context*, canonical JSON, holds all that is not learnt: who
speaks in which order, what they say, tools, other keys of a message. The *target* holds the texts that are
learnt, as a person edits them: the text itself where there is one; a JSON list of them where there are
several; a JSON object where, beside that, turns were taken out or words were taken out of the loss.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from backend.manifest import TaskInfo

Loss = Literal["answers", "all"]
"""Which tokens are in the loss: those of turns that are learnt, with what ends each; or all but the first."""


@dataclass(frozen=True)
class Reading:
    """How the rows of a workspace are read. ``loss``: which of their tokens count. ``day``: on which chat
    templates that write the date are run (`TaskInfo.day`)."""

    loss: Loss = "answers"
    day: str = ""


def reading_of(info: TaskInfo) -> Reading | None:
    """How rows are read for a task; None for those whose rows are texts."""
    return Reading(info.loss, info.day) if info.loss else None


@dataclass(frozen=True)
class Turn:
    """Something said. ``role``: who says it, or what it is (``text``, ``prompt``, ``completion``).

    ``number``: its place in the row as imported. ``learnt``: the model learns to write it. ``masked``: spans
    of characters whose tokens are taken out of the loss. ``more``: what else the message holds.
    """

    number: int
    role: str
    text: str
    learnt: bool = False
    masked: tuple[tuple[int, int], ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    def message(self) -> dict[str, Any]:
        """As a chat template takes it."""
        return {**self.more, "role": self.role, "content": self.text}


@dataclass(frozen=True)
class Target:
    """What is learnt of a row. ``texts``: by number of the turn, in order of the turns.

    ``removed``: numbers of the turns taken out. ``masked``: by number of a turn the spans of characters that
    are taken out of the loss.
    """

    texts: Mapping[int, str]
    removed: frozenset[int] = frozenset()
    masked: Mapping[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def text(self) -> str:
        """As it is kept and edited; one text for equal targets."""
        texts = [self.texts[number] for number in sorted(self.texts)]
        masked = {str(number): sorted(self.masked[number]) for number in sorted(self.masked)}
        masked = {number: spans for number, spans in masked.items() if spans}
        if self.removed or masked:
            return _json({"texts": texts, "removed": sorted(self.removed), "masked": masked})
        plain = len(texts) == 1 and texts[0][:1] not in ("[", "{")
        return texts[0] if plain else _json(texts)


@dataclass(frozen=True)
class Conversation:
    """A row. ``chat``: it goes through the chat template; else its turns are joined as they are.

    ``turns``: all of the row as imported, those taken out too. ``tools``: what the template is told of them.
    """

    turns: tuple[Turn, ...]
    chat: bool = False
    tools: Sequence[Any] | None = None
    removed: frozenset[int] = frozenset()

    @property
    def shown(self) -> tuple[Turn, ...]:
        """The turns that the model reads: without those taken out."""
        return tuple(each for each in self.turns if each.number not in self.removed)

    @property
    def learnt(self) -> tuple[Turn, ...]:
        """The turns that the model learns to write, those taken out too."""
        return tuple(each for each in self.turns if each.learnt)

    def context(self) -> str:
        """All that is not learnt. Rows without a word of that have a digest of their texts instead: they are
        told apart."""
        turns = [
            [each.role, None if each.learnt else each.text, *([dict(each.more)] if each.more else [])]
            for each in self.turns
        ]
        kept: dict[str, Any] = {"turns": turns}
        if self.chat:
            kept["chat"] = True
        if self.tools is not None:
            kept["tools"] = list(self.tools)
        if not any(each.text.strip() for each in self.turns if not each.learnt):
            texts = json.dumps([each.text for each in self.turns])
            kept["key"] = hashlib.blake2b(texts.encode(), digest_size=8).hexdigest()
        return _json(kept)

    def target(self) -> Target:
        """What is learnt."""
        masked = {each.number: each.masked for each in self.turns if each.masked}
        return Target({each.number: each.text for each in self.learnt}, self.removed, masked)

    @classmethod
    def of(cls, context: str, target: str) -> Conversation:
        """The row of two texts; `ValueError` where they do not belong together."""
        kept = json.loads(context)
        numbers = [number for number, each in enumerate(kept["turns"]) if each[1] is None]
        learnt = read_target(target, numbers, len(kept["turns"]))
        turns = tuple(
            Turn(
                number,
                each[0],
                learnt.texts[number] if each[1] is None else each[1],
                each[1] is None,
                learnt.masked.get(number, ()),
                each[2] if len(each) > 2 else {},
            )
            for number, each in enumerate(kept["turns"])
        )
        return cls(turns, kept.get("chat", False), kept.get("tools"), learnt.removed)


def is_chat(context: str) -> bool:
    """Whether a row, by its context, goes through the chat template."""
    return bool(json.loads(context).get("chat", False))


def read_target(text: str, learnt: Sequence[int], turns: int) -> Target:
    """The target that a text means, of a row in which the turns ``learnt`` of so many are learnt.

    `ValueError` for what is none.
    """
    removed: list[int] = []
    masked: dict[str, list[list[int]]] = {}
    texts: Any = [text]
    if text[:1] in ("[", "{"):
        texts = json.loads(text)
        if isinstance(texts, dict):
            removed, masked, texts = texts["removed"], texts["masked"], texts["texts"]
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise ValueError("not a list of texts")
    if len(texts) != len(learnt):
        raise ValueError(f"{len(texts)} texts, and {len(learnt)} turns are learnt")
    by_number = dict(zip(learnt, texts, strict=True))
    spans = {int(number): tuple((int(a), int(b)) for a, b in each) for number, each in masked.items()}
    if not all(number in by_number for number in spans):
        raise ValueError("words of a turn that is not learnt are taken out of the loss")
    for number, each in spans.items():
        if not all(0 <= start < end <= len(by_number[number]) for start, end in each):
            raise ValueError(f"turn {number} has no such characters")
    if not all(isinstance(number, int) and 0 <= number < turns for number in removed):
        raise ValueError("there is no such turn")
    return Target(by_number, frozenset(removed), spans)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
