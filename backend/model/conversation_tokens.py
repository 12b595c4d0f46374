"""Rows of a language model to tokens: which turn each is of, and whether it is learnt.

Chats go through the tokenizer's chat template (`backend.model.chat_rendering`). Other rows are their turns
one behind the other with an end token, as TRL makes them, and what is learnt begins where the tokens of
prompt and completion leave those of the prompt alone (`backend.run_rows.sft_tokens`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.data.conversation import Conversation, Reading, Turn
from backend.data.examples import Examples
from backend.data.messages import shown_value
from backend.errors import InputError
from backend.model.chat_rendering import Piece, Rendered, render
from backend.model.chat_template import ChatTemplate, Unreadable
from backend.model.encoded import LEARNT, SPECIAL, TEMPLATE, Encoded
from backend.model.learnt_tokens import joined, learnt_in_chat, learnt_in_text, special_tokens, taken_out
from backend.model.token_places import Cut, Placed, tokenised

_CHUNK = 512


def encode_conversations(
    tokenizer: PreTrainedTokenizerBase, examples: Examples, max_length: int
) -> list[Encoded]:
    """Tokens of rows with their targets, the first ``max_length`` of each.

    `InputError` for a chat without a chat template, and for one that the template refuses or changes: it
    names the row.
    """
    if examples.reading is None or len(examples.targets) != len(examples):
        raise ValueError("rows of a language model need a reading, and their targets")
    found: list[Encoded] = []
    for start in range(0, len(examples), _CHUNK):
        part = examples.part(start, start + _CHUNK)
        rows = [Conversation.of(*each) for each in zip(part.fields[0], part.targets, strict=True)]
        found += _encoded_rows(tokenizer, rows, examples.reading, max_length, part.ids)
    return found


def encode_conversation(
    tokenizer: PreTrainedTokenizerBase, row: Conversation, reading: Reading, max_length: int
) -> Encoded:
    """The same of a single row."""
    return _encoded_rows(tokenizer, [row], reading, max_length)[0]


def prompt_ids(tokenizer: PreTrainedTokenizerBase, row: Conversation, day: str = "") -> list[int]:
    """What the model reads before it writes: the turns shown before the last one that is learnt.

    Of a row without one that is learnt, all its turns. What the tokenizer puts behind a text by itself is
    left out: the text is to go on. ``day``: as in `Reading`. `InputError` as of `encode_conversations`.
    """
    turns = _before_answer(row)
    if row.chat:
        template = ChatTemplate(tokenizer, day)
        template.require()
        text = template.write(turns, row.tools, asks=True)
    else:
        text = joined(turns)
    cut = tokenised(tokenizer, [text], special=not row.chat)[0]
    if not len(cut) or not cut.added[-1]:
        return list(cut.ids)
    own = np.flatnonzero(~cut.added)
    return list(cut.ids[: own[-1] + 1] if len(own) else _put_before(tokenizer))


def _put_before(tokenizer: PreTrainedTokenizerBase) -> Sequence[int]:
    """What the tokenizer puts before a text by itself."""
    (cut,) = tokenised(tokenizer, ["a"], special=True)
    return cut.ids[: np.flatnonzero(~cut.added)[0]]


def _before_answer(row: Conversation) -> tuple[Turn, ...]:
    turns = row.shown
    last = next((place for place in reversed(range(len(turns))) if turns[place].learnt), len(turns))
    return turns[:last]


# -- rows ------------------------------------------------------------------------------------------


def _encoded_rows(
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Conversation],
    reading: Reading,
    max_length: int,
    ids: Sequence[str] = (),
) -> list[Encoded]:
    template = ChatTemplate(tokenizer, reading.day)
    rendered = _rendered(template, rows, ids)
    cuts: list[Cut | None] = [None] * len(rows)
    for chat in (True, False):
        places = [place for place, row in enumerate(rows) if row.chat == chat]
        made = tokenised(tokenizer, [rendered[place].text for place in places], special=not chat)
        for place, cut in zip(places, made, strict=True):
            cuts[place] = cut
    special = special_tokens(tokenizer)
    return [
        _encoded(template, row, text, cut, reading, max_length, special)
        for row, text, cut in zip(rows, rendered, cuts, strict=True)
        if cut is not None
    ]


def _rendered(template: ChatTemplate, rows: Sequence[Conversation], ids: Sequence[str]) -> list[Rendered]:
    """What the model reads of each row; `InputError` names the first that cannot be written, where rows have
    ``ids``, and says how many there are."""
    found: list[Rendered] = []
    refused: list[tuple[str, Unreadable]] = []
    for place, row in enumerate(rows):
        try:
            found.append(render(template, row) if row.chat else _plain(template.tokenizer, row))
        except Unreadable as error:
            if not len(ids):
                raise
            refused.append((ids[place], error))
    if refused:
        name, first = refused[0]
        others = f"; as it is with {len(refused) - 1:,} of the {len(rows) - 1:,} read with it" * (
            len(refused) > 1
        )
        raise InputError(f"row {shown_value(name)}: {first.why}{others}") from first
    return found


def _plain(tokenizer: PreTrainedTokenizerBase, row: Conversation) -> Rendered:
    """Turns one behind the other, and an end token where what is learnt has none."""
    pieces: list[Piece] = []
    at = 0
    for turn in row.shown:
        if turn.text:
            pieces.append(Piece(at, at + len(turn.text), turn.number))
        at += len(turn.text)
    text = joined(row.shown)
    end = str(tokenizer.eos_token or "")
    ended = not row.shown or not row.shown[-1].learnt or row.shown[-1].text.endswith(end)
    return Rendered(text if ended else text + end, tuple(pieces))


def _encoded(
    template: ChatTemplate,
    row: Conversation,
    rendered: Rendered,
    cut: Cut,
    reading: Reading,
    max_length: int,
    special: Collection[int],
) -> Encoded:
    placed = Placed.of(cut, rendered.pieces)
    if reading.loss == "all":
        learnt = np.ones(len(cut), dtype=bool)
    elif row.chat:
        learnt = learnt_in_chat(template, row, rendered, cut, placed, special)
    else:
        learnt = learnt_in_text(template.tokenizer, row, cut)
    learnt &= ~taken_out(row, placed)
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
            tokens = encode_conversation(tokenizer, Conversation(turns, chat=True), Reading(), _LONG)
        except InputError:  # a template that wants more of a chat than these
            return frozenset(found)
        ended = zip(tokens.input_ids, tokens.flags or [], strict=True)
        found.update(
            {token for token, flag in ended if flag == LEARNT + TEMPLATE} & special_tokens(tokenizer)
        )
    return frozenset(found)


_LONG = 1 << 30
