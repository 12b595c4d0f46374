"""A tokenizer's chat template, which is run as on one day whenever that is.

Templates may write the date (``strftime_now``): what a model was trained on would be other tokens tomorrow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from backend.data.conversation import Turn
from backend.data.messages import first_line, shown_value
from backend.errors import InputError
from backend.model.quiet import quiet

_GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOW = "strftime_now"
_PERCENT = "\ue000"  # stands for a sign of percent meanwhile


def without_surrogates(text: str) -> str:
    """With U+FFFD for each lone surrogate, which no tokenizer takes."""
    return _SURROGATE.sub("\ufffd", text)


def asks_the_day(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether what the chat template writes depends on the day."""
    return _NOW in str(tokenizer.chat_template or "")


@dataclass(frozen=True)
class ChatTemplate:
    """That of ``tokenizer``; ``day``, as ``YYYY-MM-DD``, is its today, the real one where it is empty."""

    tokenizer: PreTrainedTokenizerBase
    day: str = ""

    def require(self) -> None:
        """`InputError` where there is no chat template."""
        if not self.tokenizer.chat_template:
            raise InputError(
                "the rows are chats, and the tokenizer has no chat template: put one beside it as "
                "chat_template.jinja, or give the rows as prompt and completion texts"
            )

    @property
    def marks_answers(self) -> bool:
        """Whether it says by ``{% generation %}`` what an assistant writes."""
        return bool(_GENERATION.search(str(self.tokenizer.chat_template or "")))

    def write(self, turns: Sequence[Turn], tools: Sequence[object] | None, asks: bool = False) -> str:
        """What it makes of turns; ``asks``: with what stands before an answer that is to come.

        `InputError` where it cannot.
        """
        made = self._applied(turns, tools, add_generation_prompt=asks, tokenize=False)
        return without_surrogates(str(made))

    def answer_mask(self, turns: Sequence[Turn], tools: Sequence[object] | None) -> np.ndarray:
        """Which tokens lie within the marks of what an assistant writes: bool (n)."""
        made = self._applied(turns, tools, return_dict=True, return_assistant_tokens_mask=True)
        return np.array(made["assistant_masks"], dtype=bool)

    def _applied(self, turns: Sequence[Turn], tools: Sequence[object] | None, **how: Any) -> Any:
        given = None if tools is None else list(tools)
        try:
            if self.day and asks_the_day(self.tokenizer):
                own = self.tokenizer.get_chat_template(tools=given)  # type: ignore[arg-type]
                how["chat_template"] = _told_the_day(self.day) + own
            with quiet():
                return self.tokenizer.apply_chat_template(
                    [{**each.message(), "content": without_surrogates(each.text)} for each in turns],
                    tools=given,  # type: ignore[arg-type]
                    **how,
                )
        except Exception as error:  # a template may do anything
            raise Unreadable(turns, f"the chat template refuses it ({first_line(error)})") from error


@lru_cache(maxsize=16)
def _told_the_day(day: str) -> str:
    """What, before a template, makes a day its today, at midnight: it may be given texts, but no function."""
    today = date.fromisoformat(day)
    codes = [f"%{dash}{letter}" for letter in "aAbBcCdDeFgGhHIjmMnpRStTuUVwWxXyYzZ" for dash in ("-", "")]
    told = {"%%": _PERCENT, **{code: today.strftime(code) for code in codes}, _PERCENT: "%"}
    replaced = "".join(f" | replace({json.dumps(code)}, {json.dumps(text)})" for code, text in told.items())
    return f"{{% macro {_NOW}(format) %}}{{{{ format{replaced} }}}}{{% endmacro %}}\n"


class Unreadable(InputError):
    """A conversation that a template cannot write, or not as it is; ``why`` says so without naming it."""

    def __init__(self, turns: Sequence[Turn], why: str) -> None:
        begins = next((each.text for each in turns if each.text.strip() and each.role != "system"), "")
        named = f"the conversation that begins {shown_value(' '.join(begins[:200].split()))}"
        super().__init__(f"{named}: {why}")
        self.why = why
