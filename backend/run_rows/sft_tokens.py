"""Rows of an SFT data file to tokens, as TRL 1.16's SFTTrainer makes them (`SFTTrainer._prepare_dataset`).

Prompt and completion are tokenised together, and the completion begins where that leaves the tokens of the
prompt alone; an end token is added unless rows are chats; chats go through the tokenizer's template, whose
``{% generation %}`` blocks say which tokens an assistant wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from backend.data.messages import first_line
from backend.errors import InputError
from backend.model.quiet import quiet
from backend.run_rows.settings import AUTO, RunSettings

_GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")
_CHATS = ("prompt", "completion", "messages", "conversations")


@dataclass(frozen=True)
class RowTokens:
    """``ids`` int64 (n); ``labelled`` bool (n): tokens with a label, None where that is not known."""

    ids: np.ndarray
    labelled: np.ndarray | None


def tokenised(
    rows: Sequence[Mapping[str, Any]], tokenizer: PreTrainedTokenizerBase, settings: RunSettings
) -> list[RowTokens]:
    """The tokens of every row, not cut; `InputError` names the first row that can't be read as one."""
    if not rows:
        return []
    first = _as_roles(rows[0])
    adds_end = not _is_chat(first) and "input_ids" not in first
    maker = _Maker(tokenizer, settings, both="prompt" in first and "completion" in first)
    made = []
    with quiet():
        for number, row in enumerate(rows, 1):
            try:
                made.append(maker.tokens(maker.ended(row) if adds_end else _as_roles(row)))
            except InputError as error:
                raise InputError(f"row {number}: {error}") from error
            except Exception as error:  # a template may do anything
                raise InputError(
                    f"row {number}: the tokenizer cannot read it ({first_line(error)})"
                ) from error
    return made


class _Maker:
    def __init__(self, tokenizer: PreTrainedTokenizerBase, settings: RunSettings, both: bool) -> None:
        self._tokenizer, self._settings = tokenizer, settings
        only = settings.completion_only
        self._completion_only = (both if only.value == AUTO else bool(only.value)) if only.known else None
        self._assistant_only = bool(settings.assistant_only.value) if settings.assistant_only.known else None
        self._marked = bool(_GENERATION.search(str(tokenizer.chat_template or "")))
        self._end = settings.end_token.value or tokenizer.eos_token or ""

    def ended(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row with an end token, as TRL adds it."""
        made = dict(row)
        for name in (self._settings.text_field.value, "completion"):
            if isinstance(made.get(name), str) and not made[name].endswith(self._end):
                return {**made, name: made[name] + self._end}
        return made

    def tokens(self, row: Mapping[str, Any]) -> RowTokens:
        """Tokens, and which of them have a label."""
        text = self._settings.text_field.value
        if row.get("input_ids") is not None:
            return self._prepared(row)
        if row.get("prompt") is not None:
            return self._pair(row)
        if _is_chat(row):
            ids, assistant = self._chat(row, row["messages"])
            return self._labelled(ids, None, assistant, chat=True)
        if isinstance(row.get(text), str):
            return self._labelled(self._text(row[text]), None, None, chat=False)
        raise InputError(f"has no prompt and completion, no messages and no {text}")

    def _pair(self, row: Mapping[str, Any]) -> RowTokens:
        prompt, completion, assistant = row["prompt"], row.get("completion"), None
        if isinstance(prompt, list) and isinstance(completion, list):
            alone, _ = self._chat(row, prompt, add_generation_prompt=True)
            ids, assistant = self._chat(row, prompt + completion)
        elif isinstance(prompt, str) and isinstance(completion, str):
            alone, ids = self._text(prompt), self._text(prompt + completion)
        else:
            raise InputError("prompt and completion must both be texts, or both lists of messages")
        shared = sum(1 for _ in takewhile(lambda both: both[0] == both[1], zip(alone, ids, strict=False)))
        return self._labelled(ids, shared, assistant, chat=isinstance(prompt, list))

    def _prepared(self, row: Mapping[str, Any]) -> RowTokens:
        """Tokens that were made before the trainer got the row."""
        ids = list(row["input_ids"])
        if row.get("labels") is not None:
            return RowTokens(np.array(ids, np.int64), np.array(row["labels"]) != -100)
        mask, assistant = row.get("completion_mask"), row.get("assistant_masks")
        completion = None if mask is None else np.array(mask, bool)
        found = self._labelled(ids, None, assistant, chat=assistant is not None)
        if completion is None or found.labelled is None or self._completion_only is False:
            return found
        labelled = None if self._completion_only is None else found.labelled & completion
        return RowTokens(found.ids, labelled)

    def _labelled(
        self, ids: Sequence[int], prompt: int | None, assistant: Sequence[int] | None, chat: bool
    ) -> RowTokens:
        """``prompt``: how many tokens of it there are; ``assistant``: 1 where an assistant wrote."""
        labelled = np.ones(len(ids), dtype=bool)
        if prompt is not None and self._completion_only:
            labelled[:prompt] = False
        if assistant is not None:
            labelled &= np.array(assistant, dtype=bool)
        open_question = (prompt is not None and self._completion_only is None) or (
            chat and (self._assistant_only is None or (self._assistant_only and assistant is None))
        )
        return RowTokens(np.array(ids, dtype=np.int64), None if open_question else labelled)

    def _text(self, text: str) -> list[int]:
        return list(self._tokenizer(text=text, verbose=False)["input_ids"])

    def _chat(
        self, row: Mapping[str, Any], messages: list[Any], add_generation_prompt: bool = False
    ) -> tuple[list[int], list[int] | None]:
        """Tokens of a chat, and the assistant's where they are asked for and the template marks them."""
        if not self._tokenizer.chat_template:
            raise InputError("is a chat, and the run's tokenizer has no chat template")
        tools = row.get("tools")
        marks = bool(self._assistant_only) and self._marked and not add_generation_prompt
        made: Any = self._tokenizer.apply_chat_template(
            messages,
            tokenize=True,
            return_dict=True,
            tools=json.loads(tools) if isinstance(tools, str) else tools,
            add_generation_prompt=add_generation_prompt,
            return_assistant_tokens_mask=marks,
            **(row.get("chat_template_kwargs") or {}),
        )
        return list(made["input_ids"]), list(made["assistant_masks"]) if marks else None


def _is_chat(row: Mapping[str, Any]) -> bool:
    found = [row[name] for name in _CHATS[:3] if isinstance(row.get(name), list) and row[name]]
    return any(isinstance(each[0], dict) and "role" in each[0] for each in found)


def _as_roles(row: Mapping[str, Any]) -> dict[str, Any]:
    """Messages of the form from/value as role/content, ``conversations`` as ``messages``."""
    made = dict(row)
    named = {"from": "role", "value": "content"}
    for name in _CHATS:
        if isinstance(made.get(name), list):
            made[name] = [
                {named.get(key, key): value for key, value in each.items()}
                if isinstance(each, dict)
                else each
                for each in made[name]
            ]
    if isinstance(made.get("conversations"), list) and "messages" not in made:
        made["messages"] = made.pop("conversations")
    return made
