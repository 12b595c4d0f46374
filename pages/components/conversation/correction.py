"""What can be put right in a conversation: what a turn says, which are read, which words are learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backend.data.conversation import Conversation, Target, Turn
from backend.data.corrections import check_calls, check_target
from backend.data.spans import merged

Span = tuple[int, int]


def corrected(
    conversation: Conversation,
    number: int,
    text: str | None = None,
    masked: Sequence[Span] | None = None,
    removed: bool | None = None,
) -> Target:
    """The target with turn ``number`` changed; None leaves a thing as it is.

    `InputError` for a text that is blank, for turns taken out of what is no chat, for a call taken out
    before what the tool answered, and where nothing would be left to learn.
    """
    turn, target = conversation.turns[number], conversation.target()
    texts, masks, gone = dict(target.texts), dict(target.masked), set(target.removed)
    if turn.learnt and text is not None:
        texts[number] = text
    if turn.learnt and masked is not None:
        masks[number] = merged(masked)
    if removed is not None:
        gone = gone | {number} if removed else gone - {number}
    found = Target(texts, frozenset(gone), {each: spans for each, spans in masks.items() if spans})
    check_target(conversation.context(), found.text())
    if removed:
        check_calls(replace(conversation, removed=found.removed))
    return found


def turn_title(turn: Turn) -> str:
    """A turn in a list to choose from."""
    text = " ".join(turn.text[:400].split())
    return f"{turn.number + 1}. {turn.role}: {text}"
