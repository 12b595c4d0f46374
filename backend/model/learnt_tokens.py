"""Which tokens of a row a language model learns to write."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import takewhile

import numpy as np
from transformers import PreTrainedTokenizerBase

from backend.data.conversation import Conversation, Turn
from backend.data.conversations import calls_tools, is_left_out
from backend.errors import InputError
from backend.model.chat_rendering import Rendered
from backend.model.chat_template import ChatTemplate, without_surrogates
from backend.model.encoded import SPECIAL
from backend.model.token_places import Cut, Placed, tokenised
from backend.model.tool_calls import of_calls

ASSISTANT = "assistant"


def joined(turns: Sequence[Turn]) -> str:
    """The texts of turns one behind the other."""
    return without_surrogates("".join(each.text for each in turns))


def learnt_in_text(tokenizer: PreTrainedTokenizerBase, row: Conversation, cut: Cut) -> np.ndarray:
    """Tokens behind those that the prompt alone has, as TRL has it: bool (n)."""
    learnt = np.zeros(len(cut), dtype=bool)
    if not any(each.learnt for each in row.shown):
        return learnt
    before = list(takewhile(lambda each: not each.learnt, row.shown))
    alone = tokenised(tokenizer, [joined(before)], special=True)[0].ids if before else []
    shared = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(alone, cut.ids, strict=False)))
    learnt[shared:] = True
    return learnt


def learnt_in_chat(
    template: ChatTemplate,
    row: Conversation,
    rendered: Rendered,
    cut: Cut,
    placed: Placed,
    special: Collection[int],
) -> np.ndarray:
    """Tokens of the turns that are learnt and what ends each: bool (n).

    A template that marks what an assistant writes says it; else it is all up to the first special token,
    where nothing but white space stands before that. Calls of tools, which the template writes, are learnt
    with the turn that makes them.
    """
    wanted = [each.number for each in row.shown if each.learnt]
    learnt = np.isin(placed.turns, wanted)
    if template.marks_answers:
        return _in_marked_runs(_answer_mask(template, row, len(cut)), row, learnt)
    for last in _last_places(placed.turns, wanted):
        end = _end_of_turn(last + 1, rendered.text, cut, placed, special)
        learnt[last + 1 : end] = True
    for place, turn in enumerate(row.shown):
        if turn.learnt and calls_tools(turn.more):
            learnt |= of_calls(template, row, place, rendered, cut, special)
    return learnt


def _in_marked_runs(marked: np.ndarray, row: Conversation, learnt: np.ndarray) -> np.ndarray:
    """The runs of marked tokens that turns are learnt by, whole: bool (n).

    Where there are as many runs as turns of assistants, one is of each (one that calls a tool may hold no
    word of its own); else those that hold a token of ``learnt``.
    """
    bounds = np.flatnonzero(np.diff(marked.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    answers = [each.learnt for each in row.shown if each.role == ASSISTANT]
    of_each = answers if len(answers) == len(bounds) else [learnt[start:end].any() for start, end in bounds]
    found = np.zeros_like(learnt)
    for (start, end), counts in zip(bounds, of_each, strict=True):
        found[start:end] = counts
    return found


def _answer_mask(template: ChatTemplate, row: Conversation, count: int) -> np.ndarray:
    mask = template.answer_mask(row.shown, row.tools)
    if len(mask) != count:
        raise InputError("the chat template writes something else each time, so no token can be placed")
    return mask


def _last_places(turns: np.ndarray, wanted: Sequence[int]) -> Iterator[int]:
    """Place of the last token of each turn."""
    for number in wanted:
        places = np.flatnonzero(turns == number)
        if len(places):
            yield int(places[-1])


def _end_of_turn(at: int, text: str, cut: Cut, placed: Placed, special: Collection[int]) -> int:
    """Where the tokens end that end a turn, the last token of which stands before ``at``."""
    for place in range(at, len(cut)):
        if placed.turns[place] != SPECIAL:
            return at
        if cut.ids[place] in special:
            return place + 1
        if not text[cut.starts[place] : cut.ends[place]].isspace():
            return at
    return at


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Ids of all special tokens, those of a chat template too."""
    added = {number for number, each in tokenizer.added_tokens_decoder.items() if each.special}
    return frozenset(added | set(tokenizer.all_special_ids))


def taken_out(row: Conversation, placed: Placed) -> np.ndarray:
    """Tokens of words that were taken out of the loss, and of answers that are not learnt: bool (n)."""
    without = [each.number for each in row.shown if is_left_out(each)]
    found = np.isin(placed.turns, without)
    for turn in row.shown:
        for start, end in turn.masked:
            found |= (placed.turns == turn.number) & (placed.starts < end) & (placed.ends > start)
    return found
