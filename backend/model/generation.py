"""What a language model writes next: greedily, or drawn by a seed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from backend.data.conversation import Conversation
from backend.errors import InputError
from backend.model.conversation_tokens import ending_ids, prompt_ids
from backend.model.loading import max_input_length

Stop = Literal["end", "length", "full", "asked"]
"""Why writing stopped: the model ended its turn; as many tokens as wanted; as many as the model reads; the
caller wanted no more."""
_BROKEN = "\ufffd"
Alone = Callable[[], AbstractContextManager[None]]
"""What has a model to oneself, for a while."""


@dataclass(frozen=True)
class Writing:
    """How to write.

    Parameters
    ----------
    most
        How many tokens.
    temperature
        0: the likeliest token each time; else drawn, by ``seed``.
    top_p
        Drawn from the likeliest tokens that together have this probability.
    seed
        Of what is drawn.

    Raises
    ------
    InputError
        If a value is out of its range.

    Examples
    --------
    >>> from firstword.settings import Writing
    >>> Writing(temperature=0.7, seed=1).most
    128
    """

    most: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.most <= 100_000:
            raise InputError(f"{self.most} new tokens: must be at least 1 and at most 100,000")
        if not 0 <= self.temperature <= 10:
            raise InputError(f"temperature {self.temperature}: must be at least 0 and at most 10")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top p {self.top_p}: must be above 0 and at most 1")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed {self.seed}: must be at least 0")


@dataclass(frozen=True)
class Written:
    """An answer: its ``text`` without what ended it, the tokens drawn, with it, and why writing stopped."""

    text: str
    tokens: tuple[int, ...]
    stopped: Stop


def write(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    row: Conversation,
    how: Writing | None = None,
    told: Callable[[str], bool | None] | None = None,
    reads: int | None = None,
    *,
    day: str = "",
    alone: Alone = nullcontext,
) -> Written:
    """The model's answer in place of the last turn of ``row`` that is learnt, or behind a row without one.

    ``day``: as in `Reading`. ``alone``: what is held while the model computes a token, not between tokens nor
    while somebody is told; others may ask the model something meanwhile.
    ``told`` gets the text so far whenever there is more of it; what is not a whole character is held back.
    With False it ends the writing. ``reads``: tokens of a row that are read, where these are fewer than the
    model can read. The same call writes the same on the same machine. `InputError` where the
    row leaves the model no room to write, or its chat template refuses it.
    """
    how = how or Writing()
    with alone():
        asked, ends = prompt_ids(tokenizer, row, day), ending_ids(tokenizer, model)
    room = min(max_input_length(tokenizer, model), reads or sys.maxsize) - len(asked)
    if not asked:
        raise InputError("there is nothing to go on from: the prompt has no token")
    if room < 1:
        raise InputError(f"the prompt has {len(asked):,} tokens; the model reads {len(asked) + room:,}")
    was_training = model.training
    model.eval()
    try:
        return _write(model, tokenizer, asked, ends, room, how, told, alone)
    finally:
        model.train(was_training)


def _write(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    asked: list[int],
    ends: frozenset[int],
    room: int,
    how: Writing,
    told: Callable[[str], bool | None] | None,
    alone: Alone,
) -> Written:
    generator = torch.Generator().manual_seed(how.seed)
    tokens: list[int] = []
    text = told_last = ""
    cache: Any = None
    stopped: Stop = "length" if how.most <= room else "full"
    for _ in range(min(how.most, room)):
        with alone(), torch.no_grad():
            given = torch.tensor([tokens[-1:] or asked], device=model.device)
            made: Any = model(input_ids=given, past_key_values=cache, use_cache=True, **_last_only(model))
            cache = made.past_key_values
            tokens.append(_drawn(made.logits[0, -1].float().cpu(), how, generator))
            if tokens[-1] in ends:
                stopped = "end"
                break
            text = _text(tokenizer, asked, tokens)
        if told is not None and text != told_last and not text.endswith(_BROKEN):
            told_last = text
            if told(text) is False:
                stopped = "asked"
                break
    return Written(text, tuple(tokens), stopped)


def _text(tokenizer: PreTrainedTokenizerBase, asked: list[int], tokens: list[int]) -> str:
    """As it is written behind ``asked``: with the blank that a first token may stand for, and also special
    tokens that end nothing."""
    before = asked[-1:]
    return _decoded(tokenizer, before + tokens)[len(_decoded(tokenizer, before)) :]


def _decoded(tokenizer: PreTrainedTokenizerBase, tokens: list[int]) -> str:
    return str(tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def _last_only(model: PreTrainedModel) -> dict[str, int]:
    """Logits of the last position only, where the model can be asked for so few."""
    import inspect

    return {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}


def _drawn(logits: Tensor, how: Writing, generator: torch.Generator) -> int:
    """A token by its logits (V)."""
    if how.temperature == 0:
        return int(logits.argmax())
    chances, order = torch.softmax(logits / how.temperature, dim=0).sort(descending=True, stable=True)
    kept = chances.cumsum(0) - chances < how.top_p  # at least one
    return int(order[torch.multinomial(chances * kept, 1, generator=generator)])
