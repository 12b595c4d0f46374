"""What can be put right in a conversation: what a turn says, which are read, which words are learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.data.conversation import Conversation, Target, Turn
from backend.errors import InputError

Span = tuple[int, int]


def corrected(
    conversation: Conversation,
    number: int,
    text: str | None = None,
    masked: Sequence[Span] | None = None,
    removed: bool | None = None,
) -> Target:
    """The target with turn ``number`` changed; None leaves a thing as it is.

    `InputError` for a text that is blank, and where nothing would be learnt any more.
    """
    turn, target = conversation.turns[number], conversation.target()
    texts: Mapping[int, str] = target.texts
    masks = dict(target.masked)
    if turn.learnt and text is not None:
        if not text.strip():
            raise InputError("the text is empty; to have nothing said there, take the turn out")
        texts = {**texts, number: text}
    if turn.learnt and masked is not None:
        masks[number] = tuple(sorted(masked))
    gone = set(target.removed)
    if removed is not None:
        gone = gone | {number} if removed else gone - {number}
    left = [each for each in texts if each not in gone]
    if not left:
        raise InputError("no learnt turn would be left; to take the row out, remove it")
    if all(not _uncovered(texts[each], masks.get(each, ())) for each in left):
        raise InputError("no word would be left to learn; to take the row out, remove it")
    return Target(texts, frozenset(gone), {each: spans for each, spans in masks.items() if spans})


def turn_title(turn: Turn) -> str:
    """A turn in a list to choose from."""
    text = " ".join(turn.text[:400].split())
    return f"{turn.number + 1}. {turn.role}: {text}"


def _uncovered(text: str, masked: Sequence[Span]) -> str:
    """What of a text is still learnt, white space aside."""
    hidden = {place for start, end in masked for place in range(start, end)}
    return "".join(each for place, each in enumerate(text) if place not in hidden).strip()
