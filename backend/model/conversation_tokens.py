"""Rows of a language model to tokens: which turn each is of, and whether it is learnt.

Chats go through the tokenizer's chat template (`backend.model.chat_rendering`). Other rows are their turns
one behind the other with an end token, as TRL makes them, and what is learnt begins where the tokens of
prompt and completion leave those of the prompt alone (`backend.run_rows.sft_tokens`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.data.conversation import Conversation, Loss, Turn
from backend.data.examples import Examples
from backend.errors import InputError
from backend.model.chat_rendering import (
    Piece,
    Rendered,
    marks_answers,
    render,
    require_template,
    without_surrogates,
    write_chat,
)
from backend.model.encoded import LEARNT, SPECIAL, TEMPLATE, Encoded
from backend.model.quiet import quiet

_CHUNK = 512


def encode_conversations(
    tokenizer: PreTrainedTokenizerBase, examples: Examples, max_length: int
) -> list[Encoded]:
    """Tokens of rows with their targets, the first ``max_length`` of each.

    `InputError` for a chat without a chat template, and for one that the template refuses or changes.
    """
    if examples.reading is None or len(examples.targets) != len(examples):
        raise ValueError("rows of a language model need a reading, and their targets")
    found: list[Encoded] = []
    for start in range(0, len(examples), _CHUNK):
        part = examples.part(start, start + _CHUNK)
        rows = [Conversation.of(*each) for each in zip(part.fields[0], part.targets, strict=True)]
        found += _encoded_rows(tokenizer, rows, examples.reading.loss, max_length)
    return found


def encode_conversation(
    tokenizer: PreTrainedTokenizerBase, row: Conversation, loss: Loss, max_length: int
) -> Encoded:
    """The same of a single row."""
    return _encoded_rows(tokenizer, [row], loss, max_length)[0]


def prompt_ids(tokenizer: PreTrainedTokenizerBase, row: Conversation) -> list[int]:
    """What the model reads before it writes: the turns shown before the last one that is learnt.

    Of a row without one that is learnt, all its turns. `InputError` as of `encode_conversations`.
    """
    turns = _before_answer(row)
    if row.chat:
        require_template(tokenizer)
        text = write_chat(tokenizer, turns, row.tools, asks=True)
    else:
        text = _joined(turns)
    return list(_tokenised(tokenizer, [text], special=not row.chat)[0].ids)


def _before_answer(row: Conversation) -> tuple[Turn, ...]:
    turns = row.shown
    last = next((place for place in reversed(range(len(turns))) if turns[place].learnt), len(turns))
    return turns[:last]


# -- rows ------------------------------------------------------------------------------------------


def _encoded_rows(
    tokenizer: PreTrainedTokenizerBase, rows: Sequence[Conversation], loss: Loss, max_length: int
) -> list[Encoded]:
    rendered = [render(tokenizer, row) if row.chat else _plain(tokenizer, row) for row in rows]
    cuts: list[_Cut | None] = [None] * len(rows)
    for chat in (True, False):
        places = [place for place, row in enumerate(rows) if row.chat == chat]
        made = _tokenised(tokenizer, [rendered[place].text for place in places], special=not chat)
        for place, cut in zip(places, made, strict=True):
            cuts[place] = cut
    special = _special(tokenizer)
    return [
        _encoded(tokenizer, row, text, cut, loss, max_length, special)
        for row, text, cut in zip(rows, rendered, cuts, strict=True)
        if cut is not None
    ]


def _plain(tokenizer: PreTrainedTokenizerBase, row: Conversation) -> Rendered:
    """Turns one behind the other, and an end token where what is learnt has none."""
    pieces: list[Piece] = []
    at = 0
    for turn in row.shown:
        if turn.text:
            pieces.append(Piece(at, at + len(turn.text), turn.number))
        at += len(turn.text)
    text = _joined(row.shown)
    end = str(tokenizer.eos_token or "")
    ended = not row.shown or not row.shown[-1].learnt or row.shown[-1].text.endswith(end)
    return Rendered(text if ended else text + end, tuple(pieces))


def _joined(turns: Sequence[Turn]) -> str:
    return without_surrogates("".join(each.text for each in turns))


def _encoded(
    tokenizer: PreTrainedTokenizerBase,
    row: Conversation,
    rendered: Rendered,
    cut: _Cut,
    loss: Loss,
    max_length: int,
    special: Collection[int],
) -> Encoded:
    placed = _Placed.of(cut, rendered.pieces)
    if loss == "all":
        learnt = np.ones(len(cut), dtype=bool)
    elif row.chat:
        learnt = _learnt_in_chat(tokenizer, row, rendered, cut, placed, special)
    else:
        learnt = _learnt_in_text(tokenizer, row, cut)
    learnt &= ~_masked(row, placed)
    learnt[:1] = False  # nothing stands before it
    flags = learnt * LEARNT + (placed.turns == SPECIAL) * TEMPLATE
    return Encoded(
        input_ids=list(cut.ids[:max_length]),
        token_type_ids=None,
        offsets=list(
            zip(placed.starts[:max_length].tolist(), placed.ends[:max_length].tolist(), strict=True)
        ),
        fields=placed.turns[:max_length].tolist(),
        truncated=len(cut) > max_length,
        flags=flags[:max_length].tolist(),
    )


# -- tokens and their places -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Cut:
    """A rendered text in tokens: ``starts``, ``ends`` int64 (n), characters that each covers (its last one
    where the tokenizer leaves white space out); ``added`` bool (n), by the tokenizer itself."""

    ids: Sequence[int]
    starts: np.ndarray
    ends: np.ndarray
    added: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def _tokenised(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], special: bool) -> list[_Cut]:
    if not texts:
        return []
    with quiet():  # about rows longer than the model reads, which are cut
        made = tokenizer(
            list(texts), add_special_tokens=special, return_offsets_mapping=True, padding=False, verbose=False
        )
    found = []
    for row in range(len(texts)):
        offsets = np.array(made["offset_mapping"][row], dtype=np.int64).reshape(-1, 2)
        added = np.array([each is None for each in made.sequence_ids(row)], dtype=bool)
        starts, ends = offsets[:, 0], offsets[:, 1]
        found.append(_Cut(made["input_ids"][row], np.where(starts == ends, ends - 1, starts), ends, added))
    return found


@dataclass(frozen=True)
class _Placed:
    """Of each token the turn whose text it is of, `SPECIAL` where it is of none, and its characters there:
    int64 (n) each. One of two turns counts as the later one's."""

    turns: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, cut: _Cut, pieces: Sequence[Piece]) -> _Placed:
        if not pieces:
            nothing = np.zeros(len(cut), dtype=np.int64)
            return cls(nothing + SPECIAL, nothing, nothing)
        table = np.array([[each.start, each.end, each.turn, each.shift] for each in pieces], dtype=np.int64)
        place = np.searchsorted(table[:, 0], cut.ends - 1, side="right") - 1
        start, end, turn, shift = table[np.maximum(place, 0)].T
        own = (place >= 0) & (end > cut.starts) & ~cut.added
        starts = np.where(own, np.maximum(cut.starts, start) - start + shift, 0)
        ends = np.where(own, np.minimum(cut.ends, end) - start + shift, 0)
        return cls(np.where(own, turn, SPECIAL), starts, ends)


# -- what is learnt --------------------------------------------------------------------------------


def _learnt_in_text(tokenizer: PreTrainedTokenizerBase, row: Conversation, cut: _Cut) -> np.ndarray:
    """Tokens behind those that the prompt alone has, as TRL has it: bool (n)."""
    learnt = np.zeros(len(cut), dtype=bool)
    if not any(each.learnt for each in row.shown):
        return learnt
    before = list(takewhile(lambda each: not each.learnt, row.shown))
    alone = _tokenised(tokenizer, [_joined(before)], special=True)[0].ids if before else []
    shared = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(alone, cut.ids, strict=False)))
    learnt[shared:] = True
    return learnt


def _learnt_in_chat(
    tokenizer: PreTrainedTokenizerBase,
    row: Conversation,
    rendered: Rendered,
    cut: _Cut,
    placed: _Placed,
    special: Collection[int],
) -> np.ndarray:
    """Tokens of the turns that are learnt and what ends each: bool (n).

    A template that marks what an assistant writes says it; else it is all up to the first special token,
    where nothing but white space stands before that.
    """
    wanted = [each.number for each in row.shown if each.learnt]
    learnt = np.isin(placed.turns, wanted)
    if marks_answers(tokenizer):
        return _in_marked_runs(_answer_mask(tokenizer, row, len(cut)), learnt)
    for last in _last_places(placed.turns, wanted):
        end = _end_of_turn(last + 1, rendered.text, cut, placed, special)
        learnt[last + 1 : end] = True
    return learnt


def _in_marked_runs(marked: np.ndarray, learnt: np.ndarray) -> np.ndarray:
    """Runs of marked tokens that hold one that is learnt, whole."""
    bounds = np.flatnonzero(np.diff(marked.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    found = np.zeros_like(learnt)
    for start, end in bounds:
        found[start:end] = learnt[start:end].any()
    return found


def _answer_mask(tokenizer: PreTrainedTokenizerBase, row: Conversation, count: int) -> np.ndarray:
    with quiet():
        made: Any = tokenizer.apply_chat_template(
            [{**each.message(), "content": without_surrogates(each.text)} for each in row.shown],
            tools=list(row.tools) if row.tools is not None else None,
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
    mask = np.array(made["assistant_masks"], dtype=bool)
    if len(mask) != count:
        raise InputError("the chat template writes something else each time, so no token can be placed")
    return mask


def _last_places(turns: np.ndarray, wanted: Sequence[int]) -> Iterator[int]:
    """Place of the last token of each turn."""
    for number in wanted:
        places = np.flatnonzero(turns == number)
        if len(places):
            yield int(places[-1])


def _end_of_turn(at: int, text: str, cut: _Cut, placed: _Placed, special: Collection[int]) -> int:
    """Where the tokens end that end a turn, the last token of which stands before ``at``."""
    for place in range(at, len(cut)):
        if placed.turns[place] != SPECIAL:
            return at
        if cut.ids[place] in special:
            return place + 1
        if not text[cut.starts[place] : cut.ends[place]].isspace():
            return at
    return at


def _special(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    added = {number for number, each in tokenizer.added_tokens_decoder.items() if each.special}
    return frozenset(added | set(tokenizer.all_special_ids))


def _masked(row: Conversation, placed: _Placed) -> np.ndarray:
    """Tokens of words that were taken out of the loss: bool (n)."""
    found = np.zeros(len(placed.turns), dtype=bool)
    for turn in row.shown:
        for start, end in turn.masked:
            found |= (placed.turns == turn.number) & (placed.starts < end) & (placed.ends > start)
    return found


def ending_ids(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> frozenset[int]:
    """Tokens that end what a model writes: the tokenizer's own end, those that the model says, and what ends
    an answer in the chat template."""
    found: set[int] = {tokenizer.eos_token_id} if tokenizer.eos_token_id is not None else set()
    for config in (model.config, getattr(model, "generation_config", None)):
        said = getattr(config, "eos_token_id", None)
        found.update(said if isinstance(said, list | tuple) else [] if said is None else [said])
    if tokenizer.chat_template:
        turns = (Turn(0, "user", "a"), Turn(1, "assistant", "b", True))
        try:
            tokens = encode_conversation(tokenizer, Conversation(turns, chat=True), "answers", _LONG)
        except InputError:  # a template that wants more of a chat than these
            return frozenset(found)
        ended = zip(tokens.input_ids, tokens.flags or [], strict=True)
        found.update({token for token, flag in ended if flag == LEARNT + TEMPLATE} & _special(tokenizer))
    return frozenset(found)


_LONG = 1 << 30
