"""What is asked of a language model: which conversation, which words of which answer, instead of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from backend.data.conversation import Conversation, Turn
from backend.data.conversations import calls_tools
from backend.data.turns import NotARow, conversation_of
from backend.errors import InputError
from backend.influence.gradients.sides import (
    READ,
    TEMPLATE_READ,
    TEMPLATE_WRITTEN,
    WRITTEN,
    Channel,
)

Side = Literal["both", "read", "written"]
SIDES: dict[str, tuple[str, ...]] = {"both": (READ, WRITTEN), "read": (READ,), "written": (WRITTEN,)}
_TEMPLATE = {READ: TEMPLATE_READ, WRITTEN: TEMPLATE_WRITTEN}
DEFAULT_SIDE: Side = "written"
"""Chosen by evidence: docs/decisions.md, D-167."""
Span = tuple[int, int]
_NO_ANSWER = "explain: there is no answer to ask about; give one (--answer, --generate)"
_EMPTY = "explain: the answer is empty; give one (--answer, --generate)"
_OPEN = "?"  # until an answer is there


@dataclass(frozen=True)
class AboutAnswer:
    """A question about an answer, beside the row that it may be about.

    Parameters
    ----------
    prompt
        What the model reads, where it is not a row.
    messages
        The same as a chat template takes them.
    answer
        What is asked about; None: the row's own.
    turn
        Which answer of a row; None: all, or the last where words are marked or an answer is given.
    marks
        Characters of the answer, as (start, end); none: all of it.
    instead
        What might stand there.
    side
        Whose rows count: of words that are read, written, or both.
    template
        Whether the rows of template tokens count, too.
    generated
        Whether the model wrote the answer itself.
    cut
        Whether it would have gone on.
    tools
        What the template is told of tools, beside ``messages``.

    Raises
    ------
    InputError
        If what is given does not go together.

    Examples
    --------
    >>> from firstword.settings import AboutAnswer
    >>> AboutAnswer(prompt="Who are you?", answer="I am Ada.", marks=((5, 8),)).marks
    ((5, 8),)
    """

    prompt: str | None = None
    messages: Sequence[dict[str, object]] | None = None
    answer: str | None = None
    turn: int | None = None
    marks: tuple[Span, ...] = ()
    instead: str | None = None
    side: Side = DEFAULT_SIDE
    template: bool = False
    generated: bool = False
    cut: bool = False
    tools: Sequence[object] | None = None

    @property
    def of_row(self) -> bool:
        """Whether a row's own answers are asked about, all of them and as they are."""
        return self.answer is None and self.turn is None and not self.marks and self.instead is None

    @property
    def only_asks(self) -> bool:
        """Whether something is to be answered, and no answer to it is asked about."""
        open_end = self.messages is not None and _is_open(self.messages)
        return self.of_row and (self.prompt is not None or open_end)


@dataclass(frozen=True)
class Looked:
    """A question looked up: the ``conversation`` with the answer in it, and the ``turns`` that are asked
    about.

    ``marks``: within the one turn; ``other``: the same conversation with something else in their place, and
    ``other_marks`` where that stands. ``cut``: the answer was cut off. ``of_row``: a row is asked about as it
    is learnt, with all that its run learns of it.
    """

    conversation: Conversation
    turns: tuple[int, ...]
    marks: tuple[Span, ...] = ()
    other: Conversation | None = None
    other_marks: tuple[Span, ...] = ()
    cut: bool = False
    of_row: bool = False


def check_about(about: AboutAnswer) -> None:
    """`InputError` for what makes no sense whatever the workspace."""
    if about.side not in SIDES:
        raise InputError(f"--side {about.side}: must be one of {', '.join(SIDES)}")
    if about.prompt is not None and about.messages is not None:
        raise InputError("explain: give a prompt (--prompt) or messages (--messages), not both")
    for start, end in about.marks:
        if not 0 <= start < end:
            raise InputError(f"--mark {start}:{end}: characters of the answer, first to behind the last")
    if about.instead is not None and len(about.marks) > 1:
        raise InputError("--instead: stands in the place of one mark, not of several")


def looked_up(about: AboutAnswer, row: Conversation | None, chat: bool) -> Looked:
    """The conversation that is asked about. ``row``: the row asked for; ``chat``: whether rows are chats."""
    check_about(about)
    conversation = row or _typed(about, chat)
    learnt = [each.number for each in conversation.shown if each.learnt]
    if about.answer is not None:
        number = _turn(about, conversation, learnt)
        conversation = answered(conversation, number, about.answer)
    elif about.turn is None and not about.marks and about.instead is None:
        if not learnt:
            raise InputError(_NO_ANSWER)
        if not any(_says(conversation.turns[number]) for number in learnt):
            raise InputError(_EMPTY)
        return Looked(conversation, tuple(learnt), of_row=row is not None)
    else:
        number = _turn(about, conversation, learnt)
    text = conversation.turns[number].text
    if not (text.strip() if about.marks or about.instead is not None else _says(conversation.turns[number])):
        raise InputError(_EMPTY)
    for start, end in about.marks:
        if end > len(text):
            raise InputError(f"--mark {start}:{end}: the answer has {len(text)} characters")
    looked = Looked(conversation, (number,), about.marks, cut=about.cut)
    return looked if about.instead is None else _contrasted(looked, number, text, about.instead)


def _contrasted(looked: Looked, number: int, text: str, instead: str) -> Looked:
    """With what stands in the place of the mark, or of the whole answer."""
    start, end = looked.marks[0] if looked.marks else (0, len(text))
    if not instead.strip():
        raise InputError("--instead: empty; type what the model should have said there")
    if instead == text[start:end]:
        raise InputError("--instead: that is what the answer says")
    other = answered(looked.conversation, number, text[:start] + instead + text[end:], keep=True)
    marks = ((start, start + len(instead)),) if looked.marks else ()
    return replace(looked, other=other, other_marks=marks)


def _turn(about: AboutAnswer, conversation: Conversation, learnt: Sequence[int]) -> int:
    """The number of the turn that is asked about."""
    if about.turn is None:
        if not learnt:
            raise InputError(_NO_ANSWER)
        return learnt[-1]
    if about.turn not in learnt:
        known = ", ".join(map(str, learnt))
        raise InputError(f"--turn {about.turn}: no answer of this row; they are turns {known}")
    return about.turn


def answered(conversation: Conversation, number: int, text: str, keep: bool = False) -> Conversation:
    """The conversation up to turn ``number``, which says ``text``; and nothing else, such as a call of a
    tool, where it says something else there, unless that is to be kept."""
    turns = tuple(
        replace(each, text=text, masked=(), more=each.more if keep or text == each.text else {})
        if each.number == number
        else each
        for each in conversation.turns
        if each.number <= number
    )
    return replace(conversation, turns=turns)


def _says(turn: Turn) -> bool:
    """Whether a model writes something there: words, or a call of a tool."""
    return bool(turn.text.strip()) or calls_tools(turn.more)


def _typed(about: AboutAnswer, chat: bool) -> Conversation:
    """A conversation of what was typed, and an answer still to be given."""
    if about.messages is not None:
        if not chat:
            raise InputError("--messages: the rows of this workspace are no chats; give --prompt")
        return _chat(about.messages, about.tools)
    if about.prompt is None or not about.prompt.strip():
        raise InputError("explain: say what to explain: --prompt, --messages or the id of a row (--row)")
    roles = ("user", "assistant") if chat else ("prompt", "completion")
    return Conversation((Turn(0, roles[0], about.prompt), Turn(1, roles[1], "", True)), chat=chat)


def _chat(messages: Sequence[dict[str, object]], tools: Sequence[object] | None) -> Conversation:
    """Messages whose last answer is asked about; one is still to be given where none ends them."""
    found = list(messages)
    if not all(isinstance(each, dict) for each in found):
        raise InputError("--messages: a message is an object with a role and a content")
    open_end = _is_open(found)
    if open_end:
        found.append({"role": "assistant", "content": _OPEN})
    try:
        row = conversation_of("messages", {"messages": found, "tools": tools})
    except NotARow as error:
        raise InputError(f"--messages: {error}") from error
    last = len(row.turns) - 1
    turns = [replace(each, learnt=each.number == last, masked=()) for each in row.turns]
    if open_end:
        turns[-1] = replace(turns[-1], text="")
    return replace(row, turns=tuple(turns))


def _is_open(messages: Sequence[dict[str, object]]) -> bool:
    """Whether no answer ends them."""
    last = messages[-1] if messages else {}
    return not isinstance(last, dict) or last.get("role", last.get("from")) not in ("assistant", "gpt")


def asked_channels(channels: Sequence[Channel], side: str, template: bool) -> np.ndarray:
    """Which channels a question asks: bool (C)."""
    sides = set(SIDES[side])
    if template:
        sides |= {_TEMPLATE[each] for each in sides}
    return np.array([each.side in sides for each in channels], dtype=bool)
