"""Writing corrections back into the cells of a row, in the form that they have there.

Only what was corrected differs: messages stay messages with their own names and other keys, JSON text stays
JSON text. Words out of the loss stand under `MASKED`: in the message, or in a column beside texts and pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backend.data.columns import MASKED
from backend.data.conversation import Conversation, Turn
from backend.data.conversations import found_messages, keys_of
from backend.data.listed_cells import in_form_of, listed
from backend.data.turns import Cells, Message, said_in, system_turn
from backend.manifest import Form


def rewritten_cells(form: Form, cells: Cells, row: Conversation) -> dict[str, Any]:
    """The cells of ``row`` by role, whose cells as imported are ``cells``: those that differ.

    `MASKED` is among them for texts and pairs, with None where nothing is masked.
    """
    turns = {each.number: each for each in row.shown}
    changed: dict[str, Any] = {}
    start = 0
    if form != "text" and system_turn(cells):
        start = 1
        if 0 not in turns:
            changed["system"] = None
    for role in ("messages",) if form == "messages" else ("prompt", "completion"):
        found = found_messages(cells.get(role))
        if found is not None:
            changed |= _changed(role, cells[role], _messages(found, turns, start))
            start += len(found)
    if not row.chat:
        (learnt,) = row.learnt
        changed |= _changed("text" if form == "text" else "completion", None, learnt.text)
        changed[MASKED] = [list(each) for each in learnt.masked] or None
    return {role: value for role, value in changed.items() if value != cells.get(role) or value is None}


def _changed(role: str, cell: Any, value: Any) -> dict[str, Any]:
    """``value`` for a cell, as text where the cell holds its list so."""
    if isinstance(cell, str) and not isinstance(value, str):
        return {} if value == listed(cell) else {role: in_form_of(cell, value)}
    return {role: value}


def _messages(found: Sequence[Message], turns: dict[int, Turn], start: int) -> list[Message]:
    """The messages of turns that are there, ``start`` being the number of the first."""
    numbered = enumerate(found, start=start)
    return [_message(each, turns[number]) for number, each in numbered if number in turns]


def _message(message: Message, turn: Turn) -> Message:
    """A message that says what its turn says; as it is where it does."""
    keys = keys_of(message)
    assert keys is not None
    content = keys[1]
    if turn.text != said_in(message, content):
        message = {**message, content: _in_form_of(message.get(content), turn.text)}
    masked = [list(each) for each in turn.masked]
    if masked:
        return {**message, MASKED: masked}
    if message.get(MASKED):
        return {key: value for key, value in message.items() if key != MASKED}
    return message


def _in_form_of(content: Any, text: str) -> Any:
    """A text in the place of content: parts become one part."""
    if not isinstance(content, list):
        return text
    return [{**(content[0] if content else {"type": "text"}), "text": text}]
