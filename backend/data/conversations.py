"""Columns made for language models: conversations, prompts with completions; and how they are brought in."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.data.columns import LANGUAGE_MODEL, Columns, columns_of_turns
from backend.data.conversation import Turn
from backend.data.listed_cells import listed
from backend.program import COMMAND

KEYS = (("role", "content"), ("from", "value"))
"""How messages call who speaks and what is said: OpenAI and TRL, and ShareGPT."""
CALLS = ("tool_calls", "function_call")
"""Keys of a message that may say nothing: it calls a tool instead."""
TOOLS = ("tool", "function", "ipython", "observation")
"""Roles of what a tool answers."""
ANSWERED = "tool_call_id"
"""Key of what a tool answers: the call that it answers."""
WEIGHT = "weight"
SHARES = (WEIGHT, "loss", "train")
"""Keys of an answer that say whether it is learnt: OpenAI's, ms-swift's and axolotl's."""
SHARE = 0.1
"""Of rows to hold out, where no column tells the splits apart."""
_PAIRS = (
    *(("prompt", "completion"), ("prompt", "response"), ("prompt", "answer"), ("instruction", "output")),
    *(("instruction", "response"), ("prompt", "chosen")),
)
_BESIDE = (
    ("instruction", "input", "join it with the prompt first"),
    ("chosen", "rejected", "the model is not taught what it shall not write"),
)
_SYSTEM = ("system", "system_prompt")
_LOOKED_AT = 20  # rows


@dataclass(frozen=True)
class Recognised:
    """Columns of rows for a language model: of messages, or of prompts and completions."""

    messages: str | None = None
    prompt: str | None = None
    completion: str | None = None
    system: str | None = None
    tools: str | None = None
    keys: tuple[str, str] = KEYS[0]
    left: tuple[str, str] | None = None
    """A column that belongs to the row and would not be read, and what to do about it."""

    @property
    def options(self) -> str:
        """What `init` is to be told of them."""
        named = {
            name: getattr(self, name) for name in ("messages", "prompt", "completion", "system", "tools")
        }
        return " ".join(f"--{name} {shlex.quote(column)}" for name, column in named.items() if column)

    def columns(self) -> Columns:
        """As `init` takes them."""
        return columns_of_turns(
            messages=self.messages,
            prompt=self.prompt,
            completion=self.completion,
            system=self.system,
            tools=self.tools,
        )

    def said(self, command: str | None = None) -> str:
        """What was recognised, and what serves it: a whole command, or its options."""
        how = f"`{command or f'--task {LANGUAGE_MODEL} {self.options}'}` trains a model that writes on them"
        left = f" (column {self.left[0]!r} is not read: {self.left[1]})" if self.left else ""
        if self.messages is not None:
            role, text = self.keys
            return (
                f"column {self.messages!r} holds conversations ({role}, {text}): {how}{left}; "
                f"for a classifier, name the text to classify, such as {self.messages}.0.{text}, "
                "and a column of labels"
            )
        return (
            f"columns {self.prompt!r} and {self.completion!r} hold what a model is asked and what it shall "
            f"write: {how}{left}; for a classifier, name a text column and a column of labels"
        )


def init_command(source: str, options: str, split: str | None, row_id: str | None) -> str:
    """The command that brings rows for a language model in; ``split`` and ``row_id`` are columns."""
    parts = f"--eval {SHARE}" if split is None else f"--split-column {shlex.quote(split)}"
    ids = f" --id {shlex.quote(row_id)}" if row_id is not None else ""
    named = f"--train {shlex.quote(source)} {parts} {options}{ids}"
    return f"{COMMAND} init WS --task {LANGUAGE_MODEL} {named} --model smollm2"


def recognised(columns: Mapping[str, Sequence[Any]]) -> Recognised | None:
    """Which of the columns (cells by name) are made for a language model; None where none are."""
    plain = {name.strip().lower(): name for name in reversed(list(columns))}
    system = next(
        (plain[name] for name in _SYSTEM if name in plain and _are_texts(columns[plain[name]])), None
    )
    tools = plain.get("tools")
    chats = {name: keys for name, cells in columns.items() if (keys := _keys_of_column(cells))}
    for first, second in _PAIRS:
        if first in plain and second in plain:
            names = plain[first], plain[second]
            if len({name in chats for name in names}) == 1:
                return Recognised(None, *names, system, tools, left=not_read(columns, names))
    for name, keys in chats.items():
        return Recognised(name, system=system, tools=tools, keys=keys, left=not_read(columns, [name]))
    return None


def not_read(columns: Mapping[str, Sequence[Any]], named: Collection[str]) -> tuple[str, str] | None:
    """A filled column (cells by name) that belongs to those that are ``named``, and what to do about it: the
    input of an instruction (Alpaca), what was rejected beside what was chosen (preferences)."""
    plain = {name.strip().lower(): name for name in columns}
    for beside, other, advice in _BESIDE:
        name = plain.get(other)
        if name and name not in named and plain.get(beside) in named and any(columns[name]):
            return name, advice
    return None


def for_language_models(columns: Mapping[str, Sequence[Any]]) -> str | None:
    """What to say of columns (cells by name) that hold conversations or completions; None where none do."""
    found = recognised(columns)
    return found.said() if found else None


def found_messages(value: Any) -> list[Any] | None:
    """The messages that a cell holds, as a list or as text of one; None where it is something else."""
    found = listed(value)
    are = bool(found) and all(isinstance(each, dict) for each in found or ())
    return found if are and any(keys_of(each) for each in found or ()) else None


def calls_tools(message: Mapping[str, Any]) -> bool:
    """Whether a message calls a tool, and so may say nothing."""
    return any(message.get(call) for call in CALLS)


def calls_in_words(message: Mapping[str, Any]) -> str:
    """Which tools a message calls, with what, on one line: ``lookup({"city": "Delhi"})``; or ""."""
    found: list[str] = []
    for key in CALLS:
        calls = message.get(key) or []
        found += map(_call_in_words, calls if isinstance(calls, list) else [calls])
    return ", ".join(found)


def call_ids(message: Mapping[str, Any]) -> set[str]:
    """The names of a message's calls, of those that have one."""
    calls = message.get(CALLS[0])
    ids = (each.get("id") for each in (calls if isinstance(calls, list) else []) if isinstance(each, Mapping))
    return {each for each in ids if isinstance(each, str) and each}


def _call_in_words(call: Any) -> str:
    inner = call.get("function", call) if isinstance(call, Mapping) else call
    if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
        return _as_json(call)
    given = inner.get("arguments", inner.get("parameters"))
    return f"{inner['name']}({given if isinstance(given, str) else '' if given is None else _as_json(given)})"


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def left_out(message: Mapping[str, Any]) -> bool:
    """Whether a message says of itself that it is not learnt: its weight is 0, or it is not to be trained.

    A number with a point under another name than weight is a figure, such as a loss that was logged.
    """
    said = {key: message.get(key) for key in SHARES}
    return any(value == 0 and (key == WEIGHT or isinstance(value, int)) for key, value in said.items())


def odd_weight(message: Mapping[str, Any]) -> str | None:
    """What is wrong with the weight that a message gives itself, if anything."""
    value = message.get(WEIGHT)
    fits = value is None or (isinstance(value, (int, float)) and value in (0, 1))
    return None if fits else f"weight {value!r} is neither 0 (not learnt) nor 1"


def is_left_out(turn: Turn) -> bool:
    """Whether a turn is an answer that says of itself that it is not learnt."""
    return turn.role == "assistant" and not turn.learnt and left_out(turn.more)


def keys_of(message: Mapping[str, Any]) -> tuple[str, str] | None:
    """How a message calls who speaks and what is said; None where it says neither."""
    calls = calls_tools(message)
    return next((keys for keys in KEYS if keys[0] in message and (calls or keys[1] in message)), None)


def _keys_of_column(cells: Sequence[Any]) -> tuple[str, str] | None:
    """How the messages of a column call it; None where most cells hold none."""
    some = [each for each in cells[:_LOOKED_AT] if each]
    found = [each for each in map(found_messages, some) if each and all(map(_is_message, each))]
    return keys_of(found[0][0]) if 2 * len(found) > len(some) else None


def _is_message(message: Mapping[str, Any]) -> bool:
    keys = keys_of(message)
    return keys is not None and isinstance(message[keys[0]], str)


def _are_texts(cells: Sequence[Any]) -> bool:
    return all(each is None or isinstance(each, str) for each in cells)
