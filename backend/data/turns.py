"""From the cells of a row to its turns: messages (of OpenAI, TRL, ShareGPT), prompts, completions.

Cells go by role: ``text``; ``prompt`` and ``completion``; or ``messages``; beside them ``system``, ``tools``
and, where an export wrote them, the words that are taken out of the loss (`MASKED`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from backend.data.columns import MASKED
from backend.data.conversation import Conversation, Turn
from backend.data.conversations import calls_tools, found_messages, keys_of, left_out, odd_weight
from backend.data.listed_cells import listed
from backend.data.messages import listing, shown_value
from backend.data.spans import Spans, merged
from backend.data.write_table import jsonable
from backend.manifest import Form

EMPTY_ANSWER = "empty answer"
ASSISTANT, SYSTEM = "assistant", "system"
ROLES = (SYSTEM, "developer", "user", ASSISTANT, "tool", "function")
OTHER_NAMES = {
    "human": "user",
    "gpt": ASSISTANT,
    "chatgpt": ASSISTANT,
    "bot": ASSISTANT,
    "model": ASSISTANT,
    "observation": "tool",
}
_AS_CALL = "a call of a tool is an assistant's message with tool_calls"
_HINTS = {"function_call": _AS_CALL, "tool_call": _AS_CALL, "function-call": _AS_CALL}
_PARTS = {
    "tool_use": _AS_CALL,
    "tool_result": "what a tool says is a message of its own, of role tool",
    "thinking": "what is thought goes into reasoning_content, or into the text",
}
Cells = Mapping[str, Any]
Message = dict[str, Any]


class NotARow(ValueError):
    """Cells of which no row can be made, and why. ``role``: which cell. ``broken``: it is damaged, not only
    without anything to learn."""

    def __init__(self, role: str, reason: str, broken: bool = True) -> None:
        super().__init__(reason)
        self.role, self.broken = role, broken


def conversation_of(form: Form, cells: Cells) -> Conversation:
    """The row that cells hold; raises `NotARow`."""
    if form == "text":
        said = text_in(cells, "text")
        return Conversation((Turn(0, "text", said, True, _masks(cells.get(MASKED), said)),))
    before = system_turn(cells)
    tools = tools_in(cells.get("tools"))
    if form == "messages":
        turns = [*before, *_turns("messages", messages_in(cells, "messages"), len(before))]
        return _chat(turns, "messages", tools)
    return _pair(cells, before, tools)


def _pair(cells: Cells, before: list[Turn], tools: list[Any] | None) -> Conversation:
    """Prompt and completion: texts, or lists of messages, which make a chat."""
    asked, said = found_messages(cells.get("prompt")), found_messages(cells.get("completion"))
    if said is not None and listed(cells.get("prompt")) == []:
        asked = []
    if asked is not None and said is not None:
        first = _turns("prompt", asked, len(before))
        learnt = _turns("completion", said, len(before) + len(first))
        read = [replace(each, learnt=False, masked=()) for each in first]
        return _chat([*before, *read, *learnt], "completion", tools)
    if asked is not None or said is not None:
        raise NotARow("completion", "prompt and completion: one is a list of messages, the other is not")
    completion = text_in(cells, "completion")
    turns = [
        *before,
        Turn(len(before), "prompt", text_in(cells, "prompt")),
        Turn(len(before) + 1, "completion", completion, True, _masks(cells.get(MASKED), completion)),
    ]
    return Conversation(tuple(turns), tools=tools)


def text_in(cells: Cells, role: str) -> str:
    """A text that is not blank."""
    value = cells.get(role)
    if value is not None and not isinstance(value, str):
        raise NotARow(role, f"{shown_value(value)} is not text")
    if not value or not value.strip():
        raise NotARow(role, f"blank {role}" if value else f"no {role}", broken=False)
    return value


def system_turn(cells: Cells) -> list[Turn]:
    """What the system cell says, as the first turn; none where it is blank."""
    value = cells.get("system")
    if value is not None and not isinstance(value, str):
        raise NotARow("system", f"{shown_value(value)} is not text")
    return [Turn(0, SYSTEM, value)] if value and value.strip() else []


def messages_in(cells: Cells, role: str) -> list[Message]:
    """The messages of a cell."""
    value = cells.get(role)
    if value is None or value == [] or (isinstance(value, str) and value.strip() in ("", "[]")):
        raise NotARow(role, "no messages", broken=False)
    found = listed(value)
    if found is None or not all(isinstance(each, dict) for each in found):
        text = " text, not" if isinstance(value, str) and found is None else " not"
        raise NotARow(role, f"{shown_value(value)} is{text} a list of messages")
    return found


def tools_in(value: Any) -> list[Any] | None:
    """The tools of a cell, a list or text of one."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    found = listed(value)
    if found is None or not all(isinstance(each, dict) for each in found):
        raise NotARow("tools", f"{shown_value(value)} is not a list of tools")
    return _plain(found) or None


def said_in(message: Message, key: str) -> str | None:
    """What a message says: text, or parts that are all text; None where it is neither."""
    value = message.get(key)
    if value is None and calls_tools(message):
        return ""
    if isinstance(value, list):
        parts = [
            each.get("text") if isinstance(each, dict) and each.get("type") == "text" else None
            for each in value
        ]
        texts = [each for each in parts if isinstance(each, str)]
        return "".join(texts) if len(texts) == len(value) else None
    return value if isinstance(value, str) else None


def _turns(role: str, messages: Sequence[Message], start: int) -> list[Turn]:
    return [_turn(role, message, number) for number, message in enumerate(messages, start=start)]


def _turn(cell: str, message: Message, number: int) -> Turn:
    keys = keys_of(message)
    if keys is None:
        raise NotARow(cell, f"message {number} has no role and content (or from and value)")
    who, what = (message.get(key) for key in keys)
    role = OTHER_NAMES.get(who, who) if isinstance(who, str) else None
    if role not in ROLES:
        hint = f"; {_HINTS[who]}" if isinstance(who, str) and who in _HINTS else ""
        raise NotARow(cell, f"message {number}: role {shown_value(who)} is none of {listing(ROLES)}{hint}")
    if what is None and not calls_tools(message):
        if role == ASSISTANT:
            raise NotARow(cell, f"message {number}: {EMPTY_ANSWER}", broken=False)
        raise NotARow(cell, f"message {number} has no content")
    said = said_in(message, keys[1])
    if said is None:
        raise NotARow(cell, f"message {number}: its content is not text{_why_not(message.get(keys[1]))}")
    if role == ASSISTANT and not said.strip() and not calls_tools(message):
        raise NotARow(cell, f"message {number}: {EMPTY_ANSWER}", broken=False)
    more = {key: value for key, value in message.items() if key not in (*keys, MASKED) and value is not None}
    masks = _masks(message.get(MASKED), said, cell)
    if odd := odd_weight(message) if role == ASSISTANT else None:
        raise NotARow(cell, f"message {number}: {odd}")
    learnt = role == ASSISTANT and not left_out(message)
    if masks and not learnt:
        raise NotARow(cell, f"message {number}: {MASKED} stands in what is not learnt")
    return Turn(number, role, said, learnt, masks, _plain(more))


def _why_not(content: Any) -> str:
    """Which part of a content is no text, and what would be right, where that is known."""
    kinds = (
        [each.get("type") for each in content if isinstance(each, dict)] if isinstance(content, list) else []
    )
    kind = next((each for each in kinds if isinstance(each, str) and each != "text"), None)
    advice = f"; {_PARTS[kind]}" if kind in _PARTS else ""
    return f" (a part of type {shown_value(kind)}){advice}" if kind else ""


def _chat(turns: Sequence[Turn], cell: str, tools: list[Any] | None) -> Conversation:
    if not any(each.learnt for each in turns):
        none = any(each.role == ASSISTANT for each in turns)
        raise NotARow(cell, "no answer that is learnt" if none else "no assistant turn", broken=False)
    return Conversation(tuple(turns), True, tools)


def _masks(value: Any, said: str, cell: str = MASKED) -> Spans:
    """Spans of characters, ascending and apart."""
    if value is None or value == [] or (isinstance(value, str) and not value.strip()):
        return ()
    found = listed(value)
    if found is None or not all(_is_span(each, len(said)) for each in found):
        raise NotARow(cell, f"{MASKED}: {shown_value(value)} are no [start, end] in {len(said):,} characters")
    return merged((each[0], each[1]) for each in found)


def _is_span(value: Any, size: int) -> bool:
    whole = isinstance(value, list | tuple) and len(value) == 2 and all(type(each) is int for each in value)
    return whole and 0 <= value[0] < value[1] <= size


def _plain(value: Any) -> Any:
    """As JSON holds it, without the nulls that typed files put where a key is missing."""
    return _without_nulls(json.loads(json.dumps(value, default=jsonable)))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
