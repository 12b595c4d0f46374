"""Which tokens of a chat are calls of tools: the template writes them, and a model learns to write them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import takewhile
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from backend.data.conversation import Conversation, Turn
from backend.data.conversations import CALLS, calls_tools
from backend.data.examples import Examples
from backend.model.chat_rendering import Rendered, free_characters
from backend.model.chat_template import ChatTemplate, Unreadable
from backend.model.token_places import Cut, tokenised

_LOOKED_AT = 200  # rows with calls


def of_calls(
    template: ChatTemplate,
    row: Conversation,
    place: int,
    rendered: Rendered,
    cut: Cut,
    special: Collection[int],
) -> np.ndarray:
    """Tokens from where the turn at ``place``, which calls tools, begins to what ends it: bool (n).

    It begins where the row leaves the tokens of the turns before it, ready for an answer, as TRL has it; and
    ends with the turn. Where the template writes the beginning of a conversation otherwise than all of it, it
    ends with the first special token behind the last call's own words. None where neither is found.
    """
    found = np.zeros(len(cut), dtype=bool)
    first, last = _own_words(template, row, place, rendered.text) or (len(rendered.text), None)
    start = _shared(template.write(row.shown[:place], row.tools, asks=True), template, cut)
    before = max((each.end for each in rendered.pieces if each.turn < row.shown[place].number), default=0)
    if start < len(cut) and before <= cut.starts[start] < first:
        found[start : _end(template, row, place, rendered, cut, special, last)] = True
    return found


def unwritten_calls(tokenizer: PreTrainedTokenizerBase, rows: Examples) -> str:
    """What to say of answers that call tools where the chat template leaves the calls out; "" where there are
    none among the first `_LOOKED_AT` rows with calls."""
    if rows.reading is None or not tokenizer.chat_template:
        return ""
    template, seen, missed = ChatTemplate(tokenizer, rows.reading.day), 0, 0
    for context, target in zip(rows.fields[0], rows.targets, strict=True):
        if seen == _LOOKED_AT:
            break
        if not any(key in context for key in CALLS):
            continue
        row = Conversation.of(context, target)
        if row.chat and any(each.learnt and calls_tools(each.more) for each in row.shown):
            seen += 1
            missed += _leaves_calls_out(template, row)
    if not missed:
        return ""
    whose = (
        f"{missed:,} of the {seen:,} rows" if seen < _LOOKED_AT else f"{missed:,} of the first {seen:,} rows"
    )
    return f"{whose} whose answers call tools: the chat template leaves the calls out; they are not learnt"


def _leaves_calls_out(template: ChatTemplate, row: Conversation) -> bool:
    without = [
        replace(each, more={key: value for key, value in each.more.items() if key not in CALLS})
        for each in row.shown
    ]
    try:
        return template.write(row.shown, row.tools) == template.write(without, row.tools)
    except Unreadable:
        return False


def _end(
    template: ChatTemplate,
    row: Conversation,
    place: int,
    rendered: Rendered,
    cut: Cut,
    special: Collection[int],
    behind: int | None,
) -> int:
    """Where the tokens of a turn end whose calls' own words end at the character ``behind``; 0 if nothing
    says it."""
    text = rendered.text
    upto = template.write(row.shown[: place + 1], row.tools)
    if text.startswith(upto):
        end = int(np.searchsorted(cut.ends, len(upto), side="right"))
        while end and cut.ids[end - 1] not in special and _is_blank(text, cut, end - 1):
            end -= 1
        return end
    if behind is None:
        return 0
    later = [each.start for each in rendered.pieces if each.turn > row.shown[place].number]
    reach = int(np.searchsorted(cut.ends, min(later, default=len(text)), side="right"))
    places = range(int(np.searchsorted(cut.starts, behind)), reach)
    return next((at + 1 for at in places if cut.ids[at] in special), 0)


def _is_blank(text: str, cut: Cut, place: int) -> bool:
    return text[cut.starts[place] : cut.ends[place]].isspace()


def _shared(before: str, template: ChatTemplate, cut: Cut) -> int:
    """How many tokens a text and the row begin with."""
    alone = tokenised(template.tokenizer, [before], special=False)[0].ids
    return sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(alone, cut.ids, strict=False)))


def _own_words(template: ChatTemplate, row: Conversation, place: int, text: str) -> tuple[int, int] | None:
    """From which character to which the names and arguments of the turn's calls stand: the template is run
    again with a mark behind each. None where that changes anything else."""
    mark = chr(free_characters(1, text, row.shown))
    turns = list(row.shown)
    turns[place] = _with_marks(turns[place], mark)
    try:
        marked = template.write(turns, row.tools)
    except Unreadable:
        return None
    if marked.replace(mark, "") != text or mark not in marked:
        return None
    return marked.index(mark), marked.rindex(mark) - marked.count(mark) + 1


def _with_marks(turn: Turn, mark: str) -> Turn:
    calls = {key: _marked_calls(turn.more[key], mark) for key in CALLS if turn.more.get(key)}
    return replace(turn, more={**turn.more, **calls})


def _marked_calls(calls: Any, mark: str) -> Any:
    return (
        [_marked_call(each, mark) for each in calls] if isinstance(calls, list) else _marked_call(calls, mark)
    )


def _marked_call(call: Any, mark: str) -> Any:
    """With a mark behind its name and each text of its arguments; ids and types, which are checked, stay."""
    if not isinstance(call, dict):
        return call
    if "function" in call:
        return {**call, "function": _marked_call(call["function"], mark)}
    return {
        key: _marked(value, mark) if key in ("name", "arguments", "parameters") else value
        for key, value in call.items()
    }


def _marked(value: Any, mark: str) -> Any:
    if isinstance(value, str):
        return value + mark
    if isinstance(value, dict):
        return {key: _marked(each, mark) for key, each in value.items()}
    return [_marked(each, mark) for each in value] if isinstance(value, list) else value
