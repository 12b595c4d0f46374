"""Rows of the queue as both tools are asked about them: what is shown, what is suggested, which choices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from backend.data.conversation import Conversation
from backend.data.dataset import Split
from backend.data.targets.label_sets import NONE, parted
from backend.data.targets.space import Space
from backend.errors import InputError
from backend.interchange.agreement import answered_turn
from backend.interchange.said import CURRENT, GROUP, RANK, ROW_ID, SUSPICION, TEXT, TEXT_B, TURN, WHY
from backend.queue.queue_item import QueueItem

ROW_CHOICES = ("flag", "remove")
SHOWN = {TEXT: "Text", TEXT_B: "Second text", CURRENT: "Its label now", WHY: "Why it is looked at"}


@dataclass(frozen=True)
class AskedRow:
    """``shown``: what people see; ``kept``: what comes back with it; ``suggested``: the label as `value_of`
    has it; ``score``: how sure, None if it is the present one; ``action``: remove, if that is suggested."""

    shown: dict[str, str]
    kept: dict[str, Any]
    suggested: Any
    score: float | None
    action: str | None

    @property
    def id(self) -> str:
        """Of the training row."""
        return str(self.kept[ROW_ID])


def choices(space: Space) -> tuple[str, ...]:
    """What can be chosen for a label; nothing where it is typed. Of label sets also `NONE`, for no label."""
    if space.edit == "choose many":
        return (*space.names, NONE)
    return space.names if space.edit == "choose" else ()


def value_of(space: Space, target: str) -> Any:
    """A target as the tools have it: a name, a list of names, a number, a text."""
    if space.edit == "choose many":
        return list(parted(target)) or [NONE]
    return float(target) if space.edit == "number" else target


def asked_rows(items: Sequence[QueueItem], train: Split, space: Space) -> Iterator[AskedRow]:
    """One for each row of the queue; `InputError` for a row that can't be asked about."""
    for item in items:
        label, suggested = _labels(item, train, space)
        shown = {TEXT: item.shown if item.text_b is None else item.text}
        shown |= {} if item.text_b is None else {TEXT_B: item.text_b}
        shown[CURRENT] = space.shown(item.label)
        shown[WHY] = "; ".join(each.sentence for each in item.reasons)
        kept: dict[str, Any] = {ROW_ID: item.id, RANK: item.rank, SUSPICION: item.suspicion}
        kept |= {} if not item.group else {GROUP: item.group}
        if space.edit == "text":
            kept[TURN] = answered_turn(_conversation(item, train))
        yield AskedRow(
            shown,
            kept,
            value_of(space, suggested or label),
            item.confidence if suggested else None,
            item.action if item.action == "remove" else None,
        )


def _labels(item: QueueItem, train: Split, space: Space) -> tuple[str, str | None]:
    """The label in force and what is suggested; of a conversation the text of its last learnt turn."""
    if space.edit != "text":
        return item.label, item.suggested_label
    conversation = _conversation(item, train)
    try:
        return conversation.turns[answered_turn(conversation)].text, None
    except IndexError:
        raise InputError(f"row {item.id}: no turn is learnt, so there is no answer to ask about") from None


def _conversation(item: QueueItem, train: Split) -> Conversation:
    return Conversation.of(train.texts_of(train.position(item.id))[0], item.label)
