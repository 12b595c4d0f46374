"""A conversation as long and as mixed as they come: 20 turns, calls of tools, emoji, scripts both ways.

model = long_model(tmp_path / "model")
rows = [*ordinary_rows(8), long_row()]
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from tests.language_models import tiny_lm
from tests.language_workspace import questions

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
WAVE = "\U0001f44b\U0001f3fd"
RAINBOW = "\U0001f3f3\ufe0f\u200d\U0001f308"
ARABIC = "مرحبًا! وصلت السفينة إلى الميناء في الساعة التاسعة مساءً، ومعها ١٢ صندوقًا."
HEBREW = "שָׁלוֹם, הספינה הגיעה לנמל בשעה תשע בערב (9 PM) ועליה 12 תיבות."
CJK = "船は午後九時に港に着きました。荷物は十二箱です。货物共十二箱，晚上九点到港。"
CODE = 'def boxes(ship: str) -> int:\n\treturn {"Karelia": 12}.get(ship, 0)  # <b>not</b> "html"\n'
TEMPLATE = (
    "{% if tools %}{{ '<|im_start|>system\nTools: ' + (tools | tojson) + '<|im_end|>\n' }}{% endif %}"
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] }}"
    "{% for call in message.get('tool_calls') or [] %}"
    "{{ '<call>' + call['function']['name'] + ' ' + call['function']['arguments'] + '</call>' }}"
    "{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""Chats with tools and calls of them."""
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "cargo",
            "description": f"Boxes aboard a ship {FAMILY}",
            "parameters": {"type": "object", "properties": {"ship": {"type": "string"}}},
        },
    }
]
LONG = "long"
"""The id of its row."""
LAST = 19
"""The number of its last turn, which is an answer; 0 is the system's."""
MIDDLE = 11
"""That of an answer in its middle, in Arabic and emoji."""


def long_messages(repeats: int = 1) -> list[dict[str, Any]]:
    """20 messages; ``repeats``: how often what is long in them is said."""
    filler = " ".join(f"Box {number} of 12 is dry, and its seal is whole." for number in range(7 * repeats))
    turns = [_said("system", f"You are the clerk of a port. Answer in the asker's language {WAVE}.")]
    for number in range(3):
        turns += [
            _said("user", f"{ARABIC} {FAMILY} ({number})\n\n{CODE}{filler}"),
            {"role": "assistant", "content": None, "tool_calls": [_call(number)]},
            {
                "role": "tool",
                "tool_call_id": f"call_{number}",
                "name": "cargo",
                "content": f'{{"boxes": {number}}}',
            },
            _said("assistant", f"{HEBREW} {RAINBOW}\n{CODE}{filler} ({number})"),
            _said("user", f"{CJK} {number}?"),
        ]
    turns[10] = {**turns[10], "name": "amira"}
    turns[MIDDLE:MIDDLE] = [_said("assistant", f"{ARABIC} {WAVE}{FAMILY} نعم.")]
    turns += [
        _said("assistant", f"{CJK}\n\n```python\n{CODE}```\n{filler}"),
        _said("user", f"And in short {FAMILY}?"),
        _said("assistant", f"Twelve boxes {FAMILY}, {HEBREW}"),
    ]
    return turns


def _said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": text}


def _call(number: int) -> dict[str, Any]:
    asked = json.dumps({"ship": "Karelia ⛴", "day": number}, ensure_ascii=False)
    return {"id": f"call_{number}", "type": "function", "function": {"name": "cargo", "arguments": asked}}


def long_row(repeats: int = 1) -> dict[str, Any]:
    """The row, with a column of its own."""
    messages = long_messages(repeats)
    return {"id": LONG, "messages": messages, "tools": TOOLS, "page": 7}


def ordinary_rows() -> list[dict[str, Any]]:
    """Short chats without tools."""
    return [{**each, "tools": None, "page": number} for number, each in enumerate(questions())]


def long_model(folder: Path, positions: int = 8192) -> Path:
    """A tiny model of one layer that reads as much, with `TEMPLATE`."""
    small = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    made = tiny_lm(folder, "llama", template=TEMPLATE, max_position_embeddings=positions, **small)
    tokenizer = AutoTokenizer.from_pretrained(made)
    tokenizer.model_max_length = positions
    tokenizer.save_pretrained(made)
    return made
